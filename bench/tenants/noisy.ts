/** A tenant that asks for far more than it may have, as fast as it is accepted. */
import { AgentFlowError, type RunId } from "@agentflow/protocol";
import type { Client, Session } from "@agentflow/sdk/client";
import { sleep } from "../lib/children.ts";

export interface NoisyOptions {
  readonly session: Session;
  readonly client: Client;
  readonly runs: number;
  readonly inFlight: number;
  /** Of which workflow the n-th run is. */
  readonly workflowOf: (n: number) => string;
}

/** Starts runs until so many were accepted; refusals that say when to come again are obeyed. */
export class Noisy {
  readonly accepted: RunId[] = [];
  /** Refusals by their reason. */
  readonly refused = new Map<string, number>();
  readonly #options: NoisyOptions;
  readonly #stop = new AbortController();

  constructor(options: NoisyOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    let next = 0;
    const loop = async (): Promise<void> => {
      while (next < this.#options.runs && !this.#stop.signal.aborted) await this.#one(next++);
    };
    await Promise.all(Array.from({ length: this.#options.inFlight }, loop));
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Cancels every run that was accepted; how many could be. */
  async cancelAll(inFlight: number): Promise<{ readonly cancelled: number; readonly ended: number }> {
    let at = 0;
    let cancelled = 0;
    let ended = 0;
    const loop = async (): Promise<void> => {
      for (let run = this.accepted[at++]; run !== undefined; run = this.accepted[at++]) {
        try {
          await this.#options.client.runs.cancel(run, { reason: "noise" });
          cancelled++;
        } catch (error) {
          if (!AgentFlowError.is(error) || error.reason !== "run_already_ended") throw error;
          ended++;
        }
      }
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    return { cancelled, ended };
  }

  async #one(n: number): Promise<void> {
    const { session, client, workflowOf } = this.#options;
    const run = client.newRunId();
    while (!this.#stop.signal.aborted) {
      try {
        await session.start(workflowOf(n), { n: 0 }, { run, waitMs: 0 });
        this.accepted.push(run);
        return;
      } catch (error) {
        const waitMs = this.#refusal(error);
        await sleep(waitMs);
      }
    }
  }

  #refusal(error: unknown): number {
    if (!AgentFlowError.is(error)) throw error;
    const why = `${error.code}/${error.reason}`;
    this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
    const retryAfterMs = error.details["retryAfterMs"];
    if (typeof retryAfterMs === "number") return retryAfterMs;
    if (error.code === "unavailable" || error.code === "timeout") return 1_000;
    throw error;
  }
}
