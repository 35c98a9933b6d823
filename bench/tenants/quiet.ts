/** The tenant that is measured: a run begins every so often, whether the one before has ended or not. */
import type { Session } from "@agentflow/sdk/client";
import { parseOutput } from "../embedded/parse-output.ts";
import { sleep } from "../lib/children.ts";

export interface QuietOptions {
  readonly session: Session;
  readonly everyMs: number;
  readonly runs: number;
  /** A run that takes longer counts as lost. */
  readonly giveUpMs: number;
}

export interface QuietResult {
  readonly latenciesMs: readonly number[];
  readonly faults: readonly string[];
}

/** From the start of each run to its result, in ms: an open loop, so that a stall is felt by all who wait. */
export async function quietRuns(options: QuietOptions): Promise<QuietResult> {
  const { session, everyMs, runs, giveUpMs } = options;
  const latenciesMs: number[] = [];
  const faults: string[] = [];
  const beganMs = performance.now();
  const one = async (dueMs: number): Promise<void> => {
    try {
      const answer = await session.start("two", { n: 0 }, { waitMs: giveUpMs });
      if (parseOutput(answer) !== 2) faults.push(`${answer.run} has a wrong result`);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
    latenciesMs.push(performance.now() - dueMs);
  };
  const open: Promise<void>[] = [];
  for (let n = 0; n < runs; n++) {
    const dueMs = beganMs + n * everyMs;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    // From when it was due: a client that comes late for want of a turn is not counted as fast.
    open.push(one(Math.max(dueMs, Math.min(performance.now(), dueMs + everyMs))));
  }
  await Promise.all(open);
  return { latenciesMs, faults };
}
