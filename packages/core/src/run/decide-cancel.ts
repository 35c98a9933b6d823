import type { CancelInput } from "@agentflow/protocol";
import { checkClientInput } from "./client-input.ts";
import { cancelRun } from "./end.ts";
import { type Verdict, accepted, runAlreadyEnded } from "./verdict.ts";
import type { Work } from "./work.ts";

/** Ends the run at once; what is out is taken back. */
export function decideCancel(work: Work, input: CancelInput): Verdict {
  const known = checkClientInput(work, input.id);
  if (known !== undefined) return known;
  if (work.draft.run.kind !== "active") return runAlreadyEnded;
  cancelRun(work, input);
  return accepted;
}
