/** What people said, brought to the calls it was said of. */
import type { Answer } from "@agentflow/protocol";
import type { CallState } from "./state.ts";
import { type Work, active, emit } from "./work.ts";

type Approval = Answer & { readonly kind: "approval" };
type Resolution = Answer & { readonly kind: "resolution" };

/** All answers of the step come with each attempt: those that were used are passed over. */
export function useAnswers(work: Work, answers: readonly Answer[]): void {
  for (const call of active(work)?.calls.values() ?? []) {
    const own = answers.filter((answer) => answer.call === `${work.rules.step}/${call.call}`);
    if (call.stage.kind === "asked") approve(work, call, own.find(isApproval(call.stage.ask.hash)));
    // That a person said no is written before that the model is told so, perhaps in another record.
    if (call.stage.kind === "denied") refuse(work, call, call.stage);
    if (call.stage.kind === "unknown") resolve(work, call, own.filter(isResolution)[call.settled]);
  }
}

/** An answer to something else than was shown is no answer. */
function isApproval(hash: string): (answer: Answer) => answer is Approval {
  return (answer): answer is Approval => answer.kind === "approval" && answer.hash === hash;
}

function isResolution(answer: Answer): answer is Resolution {
  return answer.kind === "resolution";
}

function approve(work: Work, { call, part }: CallState, answer: Approval | undefined): void {
  if (answer === undefined) return;
  const { approved, how, comment } = answer;
  const said = comment === undefined ? {} : { comment };
  emit(work, { kind: "call_answered", at: work.at, call, approved, how, ...who(answer), ...said });
  if (!approved) refuse(work, { call, part }, { how, comment });
}

function refuse(
  work: Work,
  { call, part }: Pick<CallState, "call" | "part">,
  { how, comment }: { readonly how: Approval["how"]; readonly comment?: string | undefined },
): void {
  const reason = how === "expired" ? "expired" : "denied";
  const message = how === "expired" ? "nobody approved this call in time" : denied(comment);
  emit(work, { kind: "call_refused", at: work.at, call, tool: part.tool, reason, message });
}

function denied(comment: string | undefined): string {
  return comment === undefined ? "a person denied this call" : `a person denied this call: ${comment}`;
}

function resolve(work: Work, { call }: CallState, answer: Resolution | undefined): void {
  if (answer === undefined) return;
  const { as, output, message } = answer;
  emit(work, {
    kind: "call_resolved",
    at: work.at,
    call,
    as,
    ...(output === undefined ? {} : { output }),
    ...(message === undefined ? {} : { message }),
    ...who(answer),
  });
}

function who({ by }: Answer): { readonly by?: string } {
  return by === undefined ? {} : { by };
}
