/** One object at a time: applied, or taken away until it is really gone. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Pace } from "../pace.ts";
import { type Access, identityOf } from "./access.ts";
import { conflictError, conflictsOf } from "./conflicts.ts";
import { kindOf, textAt, titleOf } from "./reading.ts";

export async function applyObject(access: Access, object: JsonObject, force: boolean): Promise<JsonObject> {
  try {
    return await access.apply(object, { force });
  } catch (error) {
    const conflicts = conflictsOf(error, titleOf(object));
    throw conflicts.length === 0 ? error : conflictError(conflicts, "af deploy");
  }
}

const goneMsMax = 120_000;

/**
 * Another one of the same name can be made when this has returned; of a Job nothing runs any more, so that
 * what it did last is not done behind its successor.
 */
export async function removeObject(
  of: { readonly access: Access; readonly pace: Pace; readonly signal: AbortSignal },
  object: JsonObject,
): Promise<void> {
  const { access, pace, signal } = of;
  const identity = identityOf(object);
  const live = await access.get(identity);
  if (live === undefined) return;
  const uid = textAt(live, "metadata", "uid");
  await access.remove(identity, uid, kindOf(object) === "Job");
  const untilMs = pace.nowMs() + goneMsMax;
  while (pace.nowMs() < untilMs) {
    const found = await access.get(identity);
    if (found === undefined || textAt(found, "metadata", "uid") !== uid) return;
    await pace.wait(250, signal);
  }
  throw new AgentFlowError("timeout", `${titleOf(object)} does not go away`, {
    reason: "removal_stuck",
    suggestions: ["what holds it: kubectl get -o yaml, metadata.finalizers"],
  });
}
