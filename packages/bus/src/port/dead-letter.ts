/** A buried task as the Log keeps it, on `af.dead.<tenant>.<pool>`. */
import { AgentFlowError, parseTaskSubject, type Subject, subjects } from "@agentflow/protocol";

export interface DeadLetter {
  readonly v: 1;
  readonly kind: "dead_letter";
  /** The task's id. */
  readonly id: string;
  readonly subject: Subject;
  readonly reason: string;
  /** How often it had been handed out. */
  readonly deliveries: number;
  /** The task's body, letter by letter; cut when the record would outgrow `bodyBytesMax`. */
  readonly body: string;
  readonly cut?: true;
}

/** A quarter of what a record may hold: text in JSON can grow threefold and more. */
const bodyCharsMax = 128 * 1024;
const reasonCharsMax = 2_000;

/** Where a buried task goes and what stands there. */
export function deadLetter(of: {
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
  readonly reason: string;
  readonly deliveries: number;
}): { readonly subject: Subject; readonly body: string } {
  const parsed = parseTaskSubject(of.subject);
  if (parsed === undefined) throw new AgentFlowError("internal", `${of.subject} is no task subject`);
  const cut = of.body.length > bodyCharsMax;
  const letter: DeadLetter = {
    v: 1,
    kind: "dead_letter",
    id: of.id,
    subject: of.subject,
    reason: of.reason.slice(0, reasonCharsMax).toWellFormed(),
    deliveries: of.deliveries,
    body: cut ? of.body.slice(0, bodyCharsMax).toWellFormed() : of.body,
    ...(cut ? { cut: true } : {}),
  };
  return { subject: subjects.dead(parsed), body: JSON.stringify(letter) };
}
