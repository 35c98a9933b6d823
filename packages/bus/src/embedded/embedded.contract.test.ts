import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busContract, type BusMaker, type Opened, type OpenOptions } from "../contract/index.ts";
import type { Bus } from "../port/index.ts";
import { FaultyBackend } from "./fixtures/faulty-backend.ts";
import { connectEmbedded, type EmbeddedBus, type EmbeddedClient, serveSocket } from "./index.ts";
import { type EmbeddedOptions, openOn } from "./open.ts";

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

function corruptBlob(dir: string, key: string): void {
  writeFileSync(join(dir, "blobs", key), "something else");
}

function optionsOf(dir: string, writer: Where, options: OpenOptions = {}): EmbeddedOptions {
  const { queueMax } = options;
  return { dir, writer, ...(queueMax === undefined ? {} : { queueTasksMax: queueMax }) };
}

interface Owner {
  readonly bus: EmbeddedBus;
  readonly backend: FaultyBackend;
}

async function openOwner(dir: string, writer: Where, options?: OpenOptions): Promise<Owner> {
  let backend: FaultyBackend | undefined;
  const bus = await openOn(optionsOf(dir, writer, options), (files, where) => {
    backend = new FaultyBackend(files, where);
    return backend;
  });
  if (backend === undefined) throw new Error("it was opened without a backend");
  return { bus, backend };
}

function faultsOf(dir: string, backend: FaultyBackend): NonNullable<Opened["faults"]> {
  return {
    failNextCommit: async () => backend.failNext(),
    loseNextAnswer: async () => backend.loseNext(),
    lateAnswers: async (ms) => backend.late(ms),
    corruptBlob: async (key) => corruptBlob(dir, key),
  };
}

/** The folder in which the next life begins. */
function nextDir(of: { dir: string; backend: FaultyBackend }, kind: string, data: string): string {
  if (kind === "kill") of.backend.kill();
  if (data === "empty") return newDir();
  return kind === "kill" ? leftBehind(of.dir) : of.dir;
}

async function openHere(dir: string, writer: Where, options?: OpenOptions): Promise<Opened> {
  const { bus, backend } = await openOwner(dir, writer, options);
  const end = async (): Promise<void> => {
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return {
    bus,
    restart: async (kind, data) => {
      const next = nextDir({ dir, backend }, kind, data);
      await bus.close();
      return await openHere(next, writer, options);
    },
    faults: faultsOf(dir, backend),
    close: end,
  };
}

async function openThere(dir: string, writer: Where, options?: OpenOptions): Promise<Opened> {
  const { bus: owner, backend } = await openOwner(dir, writer, options);
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
      const next = nextDir({ dir, backend }, kind, data);
      await stop();
      return await openThere(next, writer, options);
    },
    faults: {
      ...faultsOf(dir, backend),
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
      faults: ["failNextCommit", "loseNextAnswer", "lateAnswers", "corruptBlob"],
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
    faults: ["failNextCommit", "loseNextAnswer", "lateAnswers", "corruptBlob", "cutConnection"],
  },
  open: (options) => openThere(newDir(), "main", options),
});
