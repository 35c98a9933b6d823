/** Keeps agents at work while things die. A run that waits for a person is answered by one. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { sleep } from "../lib/children.ts";
import type { People } from "./people.ts";

export interface TurnRun {
  readonly run: string;
  readonly startedMs: number;
  endedMs?: number;
  status?: string;
}

const answerMs = 10_000;
const patienceMs = 120_000;

export class TurnLoad {
  readonly runs: TurnRun[] = [];
  readonly complaints: string[] = [];
  readonly #client: () => Client;
  readonly #people: People;
  readonly #stop = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(client: () => Client, people: People) {
    this.#client = client;
    this.#people = people;
  }

  start(inFlight: number): void {
    this.#loops = Promise.all(Array.from({ length: inFlight }, () => this.#loop()));
  }

  async finish(ms: number): Promise<boolean> {
    this.#stop.abort();
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms).unref());
    return Promise.race([this.#loops.then(() => true), late]);
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#one();
      } catch (error) {
        this.complaints.push(error instanceof Error ? error.message : String(error));
        if (this.complaints.length > 100) throw error;
      }
    }
  }

  async #one(): Promise<void> {
    const run = this.#client().newRunId();
    const one: TurnRun = { run, startedMs: Date.now() };
    await this.#patiently((client, signal) => client.runs.start("clerk", {}, { run, signal }));
    this.runs.push(one);
    for (;;) {
      const view = await this.#patiently((client) => client.runs.get(run));
      if (view.status === "parked") await this.#patiently((client) => this.#people.answer(client, run));
      else if (view.status !== "running") {
        one.status = view.status;
        break;
      }
      await sleep(20);
    }
    one.endedMs = Date.now();
  }

  async #patiently<T>(ask: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T> {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      try {
        return await ask(this.#client(), AbortSignal.timeout(answerMs));
      } catch (error) {
        const mayPass =
          AgentFlowError.is(error) && ["unavailable", "timeout", "conflict"].includes(error.code);
        if (!mayPass || performance.now() > endMs) throw error;
        await sleep(50);
      }
    }
  }
}
