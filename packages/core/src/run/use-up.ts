import type { RunEvent } from "@agentflow/protocol";
import type { MutableRun } from "./draft.ts";
import type { Tries } from "./state.ts";
import { replaceUsage } from "./usage.ts";

/** Counts what an attempt's end tells of usage, for its step and for the run. */
export function useUp<State extends object>(run: MutableRun, next: State, event: RunEvent): State {
  const now = "usage" in event ? event.usage : undefined;
  if (now === undefined || !hasTries(next)) return next;
  run.usage = replaceUsage(run.usage, { old: next.tries.usage, now });
  return { ...next, tries: { ...next.tries, usage: now } };
}

function hasTries(state: object): state is { readonly tries: Tries } {
  return "tries" in state;
}
