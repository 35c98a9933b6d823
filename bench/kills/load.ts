/** Keeps runs in flight while things die, and remembers each that was accepted. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { parseOutput } from "../embedded/parse-output.ts";
import { sleep } from "../lib/children.ts";

export interface LoadOptions {
  /** One for each address: whoever does not answer is left for the next, under the same run id. */
  readonly clients: readonly Client[];
  readonly inFlight: number;
  readonly ledger: string;
  /** How long a step takes. */
  readonly stepMs: number;
}

/** Longer than anything that is struck may take to come back. */
const patienceMs = 120_000;
const answerMs = 10_000;
const pauseMs = 50;

/** Once the API has answered a start, the run may not be lost whatever dies after. */
export class RunLoad {
  readonly accepted = new Set<string>();
  readonly ended = new Map<string, number>();
  /** What a client was told that it should never be told. */
  readonly complaints: string[] = [];
  readonly #options: LoadOptions;
  readonly #stop = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();
  #turns = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    const loops = Array.from({ length: this.#options.inFlight }, () => this.#loop());
    this.#loops = Promise.all(loops);
  }

  /** Starts nothing more; false when runs were still open after `ms`. */
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
    const { clients, ledger, stepMs } = this.#options;
    const run = clients[0]?.newRunId() ?? "";
    const input = { n: 0, ms: stepMs, file: ledger };
    await this.#patiently((client, signal) => client.runs.start("chain", input, { run, signal }));
    this.accepted.add(run);
    this.ended.set(
      run,
      parseOutput(await this.#patiently((client, signal) => client.runs.wait(run, { signal }))),
    );
  }

  /** At one address after the other, for as long as they say that it may pass. */
  async #patiently<T>(ask: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clients } = this.#options;
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const client = clients[this.#turns++ % clients.length];
      if (client === undefined) throw new Error("nobody to ask");
      try {
        return await ask(client, AbortSignal.timeout(answerMs));
      } catch (error) {
        const mayPass = AgentFlowError.is(error) && ["unavailable", "timeout"].includes(error.code);
        if (!mayPass || performance.now() > endMs) throw error;
        await sleep(pauseMs);
      }
    }
  }
}
