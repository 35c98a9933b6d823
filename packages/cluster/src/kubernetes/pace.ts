/** Real time, for waits on a cluster. The only file of this folder that looks at a clock. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Pace {
  nowMs(): number;
  /** Ends early, with an AbortError, when the signal says so. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export const realPace: Pace = {
  nowMs: () => Date.now(),
  wait: async (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

/** Aborts after so long, for questions that may never be answered; keeps no process alive. */
export function patience(ms: number): AbortSignal {
  return AbortSignal.timeout(ms);
}
