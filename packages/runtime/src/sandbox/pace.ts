/** Real time, for waits on a cluster. The only file of this folder that looks at a clock. */
import { setTimeout as sleep } from "node:timers/promises";

export type Wait = (ms: number) => Promise<void>;

/** Keeps no process alive. */
export const realWait: Wait = (ms) => sleep(ms, undefined, { ref: false });

/** For a command that does nothing else meanwhile, and would end. */
export const commandWait: Wait = (ms) => sleep(ms);
