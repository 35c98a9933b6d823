import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { busContract, type BusMaker, type Opened, type OpenOptions } from "../contract/index.ts";
import type { Bus } from "../port/index.ts";
import { connectEmbedded, type EmbeddedBus, type EmbeddedClient, openEmbedded, serveSocket } from "./index.ts";

type Where = "main" | "thread";

function newDir(): string {
  return mkdtempSync(join(tmpdir(), "agentflow-bus-"));
}

/** What a killed owner leaves on the disk: its files as they are while it runs. */
function leftBehind(dir: string): string {
  const copy = newDir();
  const files = readdirSync(dir).filter((name) => /\.db(-wal)?$|^blobs$/.test(name) && name !== "lock.db");
  for (const name of files) cpSync(join(dir, name), join(copy, name), { recursive: true });
  return copy;
}

/** While another holds the file, a commit fails. */
function failNextCommit(dir: string): void {
  const other = new DatabaseSync(join(dir, "log.db"));
  other.exec("BEGIN IMMEDIATE");
  setTimeout(() => {
    other.exec("ROLLBACK");
    other.close();
  }, 1_150);
}

function corruptBlob(dir: string, key: string): void {
  writeFileSync(join(dir, "blobs", key), "something else");
}

function optionsOf(dir: string, writer: Where, options: OpenOptions = {}): Parameters<typeof openEmbedded>[0] {
  const { queueMax } = options;
  return { dir, writer, ...(queueMax === undefined ? {} : { queueTasksMax: queueMax }) };
}

async function openHere(dir: string, writer: Where, options?: OpenOptions): Promise<Opened> {
  const bus = await openEmbedded(optionsOf(dir, writer, options));
  const end = async (): Promise<void> => {
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return {
    bus,
    restart: async (kind, data) => {
      const next = data === "empty" ? newDir() : kind === "kill" ? leftBehind(dir) : dir;
      await bus.close();
      return await openHere(next, writer, options);
    },
    faults: {
      failNextCommit: async () => failNextCommit(dir),
      corruptBlob: async (key) => corruptBlob(dir, key),
    },
    close: end,
  };
}

async function openThere(dir: string, writer: Where, options?: OpenOptions): Promise<Opened> {
  const owner: EmbeddedBus = await openEmbedded(optionsOf(dir, writer, options));
  const server = await serveSocket(owner, { token: "secret" });
  const clients = new Map<Bus, EmbeddedClient>();
  const connect = async (): Promise<Bus> => {
    const client = await connectEmbedded({ path: server.path, token: "secret" });
    clients.set(client, client);
    return client;
  };
  const stop = async (): Promise<void> => {
    for (const client of clients.values()) await client.close();
    await server.close();
    await owner.close();
  };
  return {
    bus: await connect(),
    second: connect,
    restart: async (kind, data) => {
      const next = data === "empty" ? newDir() : kind === "kill" ? leftBehind(dir) : dir;
      await stop();
      return await openThere(next, writer, options);
    },
    faults: {
      failNextCommit: async () => failNextCommit(dir),
      corruptBlob: async (key) => corruptBlob(dir, key),
      cutConnection: async (bus) => clients.get(bus)?.cutConnection(),
    },
    close: async () => {
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const base = { durable: true, gaps: true, restarts: true } as const;

for (const writer of ["main", "thread"] as const) {
  const make: BusMaker = {
    capabilities: {
      ...base,
      separateProcess: false,
      severalClients: false,
      faults: ["failNextCommit", "corruptBlob"],
    },
    open: (options) => openHere(newDir(), writer, options),
  };
  busContract(`embedded, ${writer} writer`, make);
}

busContract("embedded, through the socket", {
  capabilities: {
    ...base,
    separateProcess: true,
    severalClients: true,
    faults: ["failNextCommit", "corruptBlob", "cutConnection"],
  },
  open: (options) => openThere(newDir(), "main", options),
});
