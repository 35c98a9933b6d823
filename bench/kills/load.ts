/** Keeps runs in flight while things die, and remembers each that was accepted. */
import type { Client } from "@agentflow/sdk/client";
import { parseOutput } from "../embedded/parse-output.ts";

export interface LoadOptions {
  readonly client: Client;
  readonly inFlight: number;
  readonly ledger: string;
  /** How long a step takes. */
  readonly stepMs: number;
}

/** Once the API has answered a start, the run may not be lost whatever dies after. */
export class RunLoad {
  readonly accepted = new Set<string>();
  readonly ended = new Map<string, number>();
  /** What a client was told that it should never be told. */
  readonly complaints: string[] = [];
  readonly #options: LoadOptions;
  readonly #stop = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

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
    const { client, ledger, stepMs } = this.#options;
    const run = client.newRunId();
    await client.runs.start("chain", { n: 0, ms: stepMs, file: ledger }, { run });
    this.accepted.add(run);
    this.ended.set(run, parseOutput(await client.runs.wait(run)));
  }
}
