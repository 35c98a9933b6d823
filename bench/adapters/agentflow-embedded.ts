import type { Client, Session } from "@agentflow/sdk/client";
import { type Dev, startDev } from "../embedded/dev.ts";
import { parseOutput } from "../embedded/parse-output.ts";
import { benchProject, writeProject } from "../embedded/project.ts";
import { overheadsOf } from "../agents/turns.ts";
import type { Adapter, Work } from "../harness/adapter.ts";
import { retry, runDir } from "../lib/children.ts";
import type { Pids } from "../lib/sampler.ts";

const door = process.env["BENCH_DOOR"] === "post" ? "post" : "socket";

/** The embedded installation as it ships: `af dev` on a project, spoken to by the public client. */
export default class AgentflowEmbedded implements Adapter {
  readonly note = [
    "af dev: SQLite, WAL, synchronous=FULL, fsync before each acknowledgement",
    "control plane, supervisor and runner are three processes; 64 slots",
    door === "post" ? "client: POST /v1/runs?waitMs=" : "client: one WebSocket, many runs a frame",
    "ended runs kept",
  ].join("; ");
  #dev: Dev | undefined;
  #client: Client | undefined;
  #session: Session | undefined;
  readonly #agents: string[] = [];
  #start: ((work: Work) => Promise<number>) | undefined;

  async start(): Promise<void> {
    const dir = runDir(`agentflow-${door}`);
    writeProject(dir, benchProject());
    this.#dev = await startDev({ dir });
    const client = this.#dev.client();
    const session = client.session();
    this.#client = client;
    this.#session = session;
    this.#start = async ({ kind }) => {
      const answer =
        door === "post"
          ? await client.runs.startAndWait(kind, { n: 0 })
          : await session.start(kind, { n: 0 });
      if (kind === "agent") this.#agents.push(answer.run);
      return parseOutput(answer);
    };
    await retry(() => this.runOne({ kind: "one", steps: 1 }));
  }

  async runOne(work: Work): Promise<number> {
    if (this.#start === undefined) throw new Error("not started");
    return this.#start(work);
  }

  async turns(): Promise<readonly number[]> {
    if (this.#client === undefined) throw new Error("not started");
    return overheadsOf(this.#client, this.#agents.slice(-200));
  }

  pids(): Pids {
    const supervisor = this.#dev?.supervisor();
    return { control: this.#dev?.pid ?? 0, ...(supervisor === undefined ? {} : { worker: supervisor }) };
  }

  async stop(): Promise<void> {
    this.#session?.close();
    this.#client?.close();
    await this.#dev?.stop();
  }
}
