/** A tenant that asks for far more than it may have, as fast as it is accepted. */
import { AgentFlowError, type RunId } from "@agentflow/protocol";
import type { Client, Session } from "@agentflow/sdk/client";
import { sleep } from "../lib/children.ts";

export interface NoisyOptions {
  readonly session: Pick<Session, "start">;
  readonly client: Pick<Client, "newRunId">;
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

  constructor(options: NoisyOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    let next = 0;
    const loop = async (): Promise<void> => {
      while (next < this.#options.runs) await this.#one(next++);
    };
    await Promise.all(Array.from({ length: this.#options.inFlight }, loop));
  }

  async #one(n: number): Promise<void> {
    const { session, client, workflowOf } = this.#options;
    const run = client.newRunId();
    for (;;) {
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
