/** Services as an operator starts them: nats-server, `af server`, an `af worker` for each tenant. */
import { type ChildProcess, execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Client, createClient } from "@agentflow/sdk/client";
import { afBin } from "../embedded/dev.ts";
import { NODE, freePort, retry, start, stop } from "../lib/children.ts";
import { type BenchNats, startBenchNats } from "../lib/nats-server.ts";
import type { Pids } from "../lib/sampler.ts";

const execute = promisify(execFile);

export interface ServicesOptions {
  readonly dir: string;
  /** A folder with the code and workflows of every tenant. */
  readonly project: string;
  readonly tenants: readonly string[];
  readonly slots: number;
  readonly servers?: number;
  readonly sync?: "always" | "2m";
  /** Settings of the control planes, as AF_*. */
  readonly env?: { readonly [name: string]: string };
}

/** What a measurement needs of an installation, wherever its parts run. */
export interface Installation {
  readonly url: string;
  readonly pids: Pids;
  /** Of the tenant, with everything that a tenant may. */
  keyOf(tenant: string): string;
  client(tenant: string): Client;
  /** Why the installation is not whole any more; undefined while every process lives. */
  broken(): string | undefined;
  stop(): Promise<void>;
}

export interface Services extends Installation {
  readonly nats: BenchNats;
  readonly state: string;
}

export async function startServices(options: ServicesOptions): Promise<Services> {
  const { dir, project, tenants, slots, servers = 1, env = {} } = options;
  const nats = await startBenchNats(dir, options.sync ?? "2m");
  const children = new Map<string, ChildProcess>();
  const begin = (label: string, words: readonly string[], more = {}): void => {
    children.set(label, start(dir, label, NODE, [afBin, ...words], { env: { CI: "1", ...more } }));
  };
  const urls: string[] = [];
  for (let n = 0; n < servers; n++) {
    const port = String(await freePort());
    const words = ["server", "--bus", nats.url, "--state", path.join(dir, `state-${n}`), "--port", port];
    begin(`control-${n}`, [...words, "--node", `cp-${n}`], { AF_BUS__MONITOR: nats.monitor, ...env });
    urls.push(`http://127.0.0.1:${port}`);
  }
  for (const tenant of tenants) {
    const words = ["worker", "-C", project, "--bus", nats.url, "--tenant", tenant, "--slots", String(slots)];
    begin(`worker-${tenant}`, words);
  }
  const [url = ""] = urls;
  const state = path.join(dir, "state-0");
  const token = await retry(async () => readFileSync(path.join(state, "token"), "utf8").trim());
  const keys = await makeKeys(url, token, tenants);
  for (const key of keys.values()) await register({ url, key, project });
  let isOver = false;
  return {
    url,
    nats,
    state,
    pids: { nats: nats.pid, ...pidsOf(children) },
    keyOf: (tenant) => keys.get(tenant) ?? "",
    client: (tenant) => createClient({ url, token: keys.get(tenant) ?? "", retryForMs: 60_000 }),
    broken: () => (isOver ? undefined : whoEnded(children)),
    async stop() {
      isOver = true;
      for (const child of [...children.values()].toReversed()) await stop(child);
      await nats.stop();
    },
  };
}

/** A key for each tenant, made with the installation's first token. */
export async function makeKeys(url: string, token: string, tenants: readonly string[]) {
  const first = createClient({ url, token, retryForMs: 30_000 });
  const keys = new Map<string, string>();
  for (const tenant of tenants) {
    const scopes = tenant === "default" ? ["admin", "operator"] : ["admin"];
    keys.set(tenant, (await retry(() => first.keys.create({ name: "bench", scopes, tenant }))).key);
  }
  first.close();
  return keys;
}

/** Once a worker of the tenant has told what it can run. */
export async function register(of: { url: string; key: string; project: string }): Promise<void> {
  const client = createClient({ url: of.url, token: of.key, retryForMs: 30_000 });
  await retry(async () => {
    const { items } = await client.tools.list();
    if (items.length === 0) throw new Error("no worker has told of its tools yet");
  });
  client.close();
  const env = { ...process.env, AF_TOKEN: of.key };
  await execute(NODE, [afBin, "workflow", "register", "-C", of.project, "--url", of.url], { env });
}

/** The first of them that is gone, and how it went. */
export function whoEnded(children: ReadonlyMap<string, ChildProcess>): string | undefined {
  const gone = [...children].find(([, child]) => child.exitCode !== null || child.signalCode !== null);
  return gone === undefined ? undefined : `${gone[0]} ended (${exitOf(gone[1])})`;
}

function pidsOf(children: ReadonlyMap<string, ChildProcess>): { [label: string]: number } {
  return Object.fromEntries([...children].map(([label, { pid = 0 }]) => [label, pid]));
}

function exitOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `code ${exitCode}`;
}
