/** Ctrl-C while a run is watched: leaves the run alone and says how to come back. */
import type { Output } from "../output/output.ts";
import { bold, cyan } from "../output/text.ts";

/** A signal that aborts at the first Ctrl-C, and gives Ctrl-C back to the system when disposed of. */
export function onInterrupt(): { readonly signal: AbortSignal; [Symbol.dispose](): void } {
  const stop = new AbortController();
  const leave = (): void => stop.abort();
  process.once("SIGINT", leave);
  process.once("SIGTERM", leave);
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", leave);
      process.off("SIGTERM", leave);
    },
  };
}

export function sayDetached(output: Output, run: string): void {
  output.say();
  output.say(["Left; run ", bold(run), " goes on."]);
  output.say(["  come back  ", cyan(`af run watch ${run}`)]);
  output.say(["  cancel it  ", cyan(`af run cancel ${run}`)]);
}
