import type { RunId } from "@agentflow/protocol";
import type { Sight } from "./scope.ts";
import type { ActiveRun } from "./state.ts";
import { type Work, runOf } from "./work.ts";

/** What a step sees that is opened now. */
export function sightNow(work: Work): Sight {
  const run = runOf(work);
  return { run, id: work.run, before: run.seq };
}

/** What a step sees that was opened earlier: the same as then. */
export function sightSince(run: ActiveRun, id: RunId, since: number): Sight {
  return { run, id, before: since };
}
