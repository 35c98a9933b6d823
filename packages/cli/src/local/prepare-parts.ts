/**
 * What the parts of an installation need before any of them starts, a folder for each: identities on NATS,
 * the server's configuration, the first token. What is there stays; what is missing is made.
 */
import { AgentFlowError, type BuildId, type PoolName } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeWhole } from "../config/private-file.ts";
import { makeCredentials } from "./bus-credentials.ts";

export interface PrepareOptions {
  readonly folder: string;
  /** Servers of NATS that are ours: 0, 1, 3 or 5. */
  readonly servers: number;
  /** Where a server keeps its data. */
  readonly store: string;
  /** Of each server, for what it keeps in memory. */
  readonly memoryMb: number;
  /** Name of the n-th server's host, with `{n}` in it. */
  readonly hosts: string;
  readonly pools: readonly PoolName[];
  readonly builds: readonly BuildId[];
  /** See `CredentialsOptions`. */
  readonly anyBuild: boolean;
}

export interface PreparedFile {
  /** `control-plane/token`. */
  readonly file: string;
  readonly state: "made" | "kept" | "changed";
}

/** Which file of the credentials goes to which part. */
const seeds: readonly (readonly [file: string, part: string])[] = [
  ["auth.conf", "nats"],
  ["control-plane.nk", "control-plane"],
  ["archiver.nk", "control-plane"],
  ["worker-default.nk", "worker"],
  ["register.nk", "register"],
];

export async function prepareParts(options: PrepareOptions): Promise<readonly PreparedFile[]> {
  try {
    if (options.servers === 0) return prepareToken(options.folder);
    refuseOtherNumber(options);
    const token = prepareToken(options.folder);
    return [...(await prepareIdentities(options)), ...prepareServer(options), ...token];
  } catch (cause) {
    if (AgentFlowError.is(cause) && cause.reason !== "not_writable") throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AgentFlowError("unavailable", `cannot prepare ${options.folder}: ${why}`, {
      reason: "folder_not_writable",
      suggestions: ["the folders belong to the user that runs this; free some space"],
      cause,
    });
  }
}

/** Seeds are made side by side in a folder of their own, then each goes where its part reads it. */
async function prepareIdentities(options: PrepareOptions): Promise<PreparedFile[]> {
  const { folder, pools, builds, anyBuild } = options;
  const scratch = mkdtempSync(path.join(tmpdir(), "af-prepare-"));
  try {
    for (const [file, part] of seeds) {
      const there = path.join(folder, part, file);
      if (existsSync(there)) copyFileSync(there, path.join(scratch, file));
    }
    const granted = { pools, builds, anyBuild, tenants: [] };
    await makeCredentials({ ...granted, folder: scratch, accounts: false, there: "add" });
    return seeds.map(([file, part]) => {
      const mode = file.endsWith(".conf") ? 0o644 : 0o600;
      return put(path.join(folder, part), file, {
        content: readFileSync(path.join(scratch, file), "utf8"),
        mode,
      });
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const serversFile = "servers";

function prepareServer(options: PrepareOptions): PreparedFile[] {
  const folder = path.join(options.folder, "nats");
  const number = put(folder, serversFile, { content: `${options.servers}\n`, mode: 0o600 });
  if (options.servers === 1)
    return [number, put(folder, "nats.conf", { content: serverConf(options), mode: 0o600 })];
  const known = readText(path.join(folder, "routes"))?.trim();
  const password = known === undefined || known === "" ? randomBytes(24).toString("hex") : known;
  return [
    number,
    put(folder, "routes", { content: `${password}\n`, mode: 0o600 }),
    put(folder, "nats.conf", { content: serverConf(options, password), mode: 0o600 }),
  ];
}

/** Servers of a cluster take what a single one wrote for nobody's, and remove it. */
function refuseOtherNumber({ folder, servers }: PrepareOptions): void {
  const before = readText(path.join(folder, "nats", serversFile))?.trim();
  if (before === undefined || before === String(servers)) return;
  const whose = before === "1" ? "1 server" : `${before} servers`;
  throw new AgentFlowError("refused", `the data was written by ${whose} of NATS, not by ${servers}`, {
    reason: "nats_servers_changed",
    details: { before: Number(before), servers },
    suggestions: [
      `say ${before} again (nats.replicas)`,
      "or move the data: af backup, remove the volumes, start anew, af restore",
    ],
  });
}

/** One text for all servers: each knows its own name by AF_NODE. */
function serverConf({ servers, store, memoryMb, hosts }: PrepareOptions, password?: string): string {
  const names = Array.from({ length: servers }, (_, n) => hosts.replaceAll("{n}", String(n + 1)));
  const routes = names.map((name) => JSON.stringify(`nats://routes:${password ?? ""}@${name}:6222`));
  const cluster = [
    "cluster {",
    "  name: agentflow",
    '  listen: "0.0.0.0:6222"',
    `  authorization { user: routes, password: ${JSON.stringify(password ?? "")}, timeout: 5 }`,
    `  routes: [${routes.join(", ")}]`,
    '  ping_interval: "5s"',
    "}",
  ];
  return `${[
    "# Made by `af bus prepare`.",
    "server_name: $AF_NODE",
    'listen: "0.0.0.0:4222"',
    'http: "0.0.0.0:8222"',
    "max_payload: 2MB",
    // They may share one machine, hence one power cord: an answer is behind an fsync.
    "jetstream {",
    `  store_dir: ${JSON.stringify(store)}`,
    `  max_memory_store: ${memoryMb}MB`,
    "  sync_interval: always",
    "}",
    ...(password === undefined ? [] : cluster),
    "include ./auth.conf",
  ].join("\n")}\n`;
}

/** One token opens every control plane; the part that registers workflows has it too. */
function prepareToken(folder: string): PreparedFile[] {
  const parts = ["control-plane", "register"];
  const known = parts.map((part) => readText(path.join(folder, part, "token"))?.trim());
  const token = known.find((one) => one !== undefined && /^[0-9a-f]{64}$/.test(one));
  const content = `${token ?? randomBytes(32).toString("hex")}\n`;
  return parts.map((part) => put(path.join(folder, part), "token", { content, mode: 0o600 }));
}

function put(
  folder: string,
  name: string,
  { content, mode }: { readonly content: string; readonly mode: number },
): PreparedFile {
  const file = path.join(folder, name);
  const shown = `${path.basename(folder)}/${name}`;
  const before = readText(file);
  if (before === content) return { file: shown, state: "kept" };
  // A job or a machine that is ended midway leaves no half a seed.
  writeWhole(file, content, mode);
  return { file: shown, state: before === undefined ? "made" : "changed" };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
