import type { InputId } from "@agentflow/protocol";
import { runLimits } from "./limits.ts";
import { type Verdict, refuse, repeated } from "./verdict.ts";
import type { Work } from "./work.ts";

/** The verdict on a client's input that was met before, or that is one too many; else undefined. */
export function checkClientInput({ draft }: Work, id: InputId): Verdict | undefined {
  if (draft.run.kind === "absent") return undefined;
  if (draft.run.inputs.has(id)) return repeated;
  if (draft.run.inputs.size < runLimits.clientInputsMax) return undefined;
  return refuse("limit_exceeded", `the run has had ${runLimits.clientInputsMax} inputs from clients`);
}
