import { type ChildProcess, execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Client, type Session, createClient } from "@agentflow/sdk/client";
import { afBin } from "../embedded/dev.ts";
import { parseOutput } from "../embedded/parse-output.ts";
import { benchProject, writeProject } from "../embedded/project.ts";
import { overheadsOf } from "../agents/turns.ts";
import type { Adapter, Work } from "../harness/adapter.ts";
import { NODE, freePort, retry, runDir, start, stop } from "../lib/children.ts";
import { type BenchNats, startBenchNats } from "../lib/nats-server.ts";
import type { Pids } from "../lib/sampler.ts";

const sync = process.env["BENCH_NATS_SYNC"] === "always" ? "always" : "2m";
const logs = process.env["BENCH_NATS_LOGS"] ?? "1";
const execute = promisify(execFile);
const door = process.env["BENCH_DOOR"] === "post" ? "post" : "socket";

/** `af server` and `af worker` beside a nats-server, spoken to by the public client. */
export default class AgentflowNats implements Adapter {
  readonly note = [
    `nats-server, sync_interval ${sync}, log streams: ${logs}`,
    "one af server, one af worker with one runner; 64 slots",
    door === "post" ? "client: POST /v1/runs?waitMs=" : "client: one WebSocket, many runs a frame",
    "ended runs kept",
  ].join("; ");
  #nats: BenchNats | undefined;
  #server: ChildProcess | undefined;
  #worker: ChildProcess | undefined;
  #client: Client | undefined;
  #session: Session | undefined;
  readonly #agents: string[] = [];

  async start(): Promise<void> {
    const dir = runDir(`agentflow-nats-${sync}-${logs}-${door}`);
    const project = path.join(dir, "project");
    writeProject(project, benchProject());
    this.#nats = await startBenchNats(dir, sync);
    const { url: bus, monitor } = this.#nats;
    const port = String(await freePort());
    const state = path.join(dir, "state");
    const env = { CI: "1", AF_BUS__MONITOR: monitor };
    const server = ["server", "--bus", bus, "--state", state, "--port", port, "--logs", logs];
    this.#server = start(dir, "server", NODE, [afBin, ...server], { env });
    const worker = ["worker", "-C", project, "--bus", bus, "--slots", "64"];
    this.#worker = start(dir, "worker", NODE, [afBin, ...worker], { env: { CI: "1" } });
    const token = await retry(async () => readFileSync(path.join(state, "token"), "utf8").trim());
    const url = `http://127.0.0.1:${port}`;
    const client = createClient({ url, token, retryForMs: 30_000 });
    this.#client = client;
    await registerWorkflows(client, { url, token, project });
    this.#session = client.session();
    await retry(() => this.runOne({ kind: "one", steps: 1 }));
  }

  async runOne({ kind }: Work): Promise<number> {
    const [client, session] = [this.#client, this.#session];
    if (client === undefined || session === undefined) throw new Error("not started");
    const answer =
      door === "post" ? await client.runs.startAndWait(kind, { n: 0 }) : await session.start(kind, { n: 0 });
    if (kind === "agent") this.#agents.push(answer.run);
    return parseOutput(answer);
  }

  async turns(): Promise<readonly number[]> {
    if (this.#client === undefined) throw new Error("not started");
    return overheadsOf(this.#client, this.#agents.slice(-200));
  }

  pids(): Pids {
    return {
      server: this.#nats?.pid ?? 0,
      control: this.#server?.pid ?? 0,
      worker: this.#worker?.pid ?? 0,
    };
  }

  async stop(): Promise<void> {
    this.#session?.close();
    this.#client?.close();
    await stop(this.#worker);
    await stop(this.#server);
    await this.#nats?.stop();
  }
}

/** Once the worker has told what it can run. */
async function registerWorkflows(client: Client, of: { url: string; token: string; project: string }) {
  await retry(async () => {
    const { items } = await client.tools.list();
    if (items.length === 0) throw new Error("no worker has told of its tools yet");
  });
  const env = { ...process.env, AF_TOKEN: of.token };
  await execute(NODE, [afBin, "workflow", "register", "-C", of.project, "--url", of.url], { env });
}
