import type { Decided } from "@agentflow/core/run";
import type { Pending } from "./run-actor.ts";

/** Tells each input of a batch what was decided on it; call once that is durable at `revision`. */
export function answerEach(batch: readonly Pending[], decision: Decided, revision: number): void {
  for (let index = 0; index < batch.length; index++) {
    const given = decision.answers[index];
    const answer = batch[index]?.answer;
    if (given === undefined || answer === undefined) continue;
    if (given.kind === "refused") {
      answer({ v: 1, kind: "refused", reason: given.reason, message: given.message, revision });
    } else if (given.kind === "repeated") answer({ v: 1, kind: "accepted", revision, repeated: true });
    else answer({ v: 1, kind: "accepted", revision });
  }
}
