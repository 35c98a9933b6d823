/**
 * Decides inputs in order on one state: one commit for all, and an answer for each. Pure, never async;
 * throws only on a bug or a history that does not fit together.
 */
import type { Commit, RunId, RunInput } from "@agentflow/protocol";
import type { PreparedPlan } from "../plan/prepare.ts";
import { advance } from "./advance.ts";
import { decideApproval } from "./decide-approval.ts";
import { decideCancel } from "./decide-cancel.ts";
import { decideNudge } from "./decide-nudge.ts";
import { decideRedelivered } from "./decide-redelivered.ts";
import { decideResent } from "./decide-resent.ts";
import { decideResolve } from "./decide-resolve.ts";
import { decideResult } from "./decide-result.ts";
import { decideStart } from "./decide-start.ts";
import { decideStarted } from "./decide-started.ts";
import { decideTimer } from "./decide-timer.ts";
import { draftOf } from "./draft.ts";
import { isClientInput, remember } from "./evolve.ts";
import { runLimits } from "./limits.ts";
import type { RunState } from "./state.ts";
import { type Verdict, refuse } from "./verdict.ts";
import { type Work, isActive, newWork } from "./work.ts";

export type Answer =
  | { readonly kind: "accepted" }
  | { readonly kind: "repeated" }
  | { readonly kind: "refused"; readonly reason: string; readonly message: string };

export interface Decided {
  /** Absent when nothing has to be written: then the answers may be given at once. */
  readonly commit: Commit | undefined;
  readonly state: RunState;
  /**
   * One for each input that was decided, in order. When a commit is full there are fewer than inputs, never
   * none: the caller brings the rest again, to be decided on the state that this commit leaves.
   */
  readonly answers: readonly Answer[];
}

export interface DecideOptions {
  readonly run: RunId;
  /** SHA-256 of a text in lower-case hex: the core has no cryptography of its own. */
  readonly hash: (text: string) => string;
}

export function decide(
  plan: PreparedPlan,
  state: RunState,
  inputs: readonly RunInput[],
  options: DecideOptions,
): Decided {
  const [first] = inputs;
  if (first === undefined) return { commit: undefined, state, answers: [] };
  const work = newWork(plan, { ...options, draft: draftOf(state), input: first });
  const answers: Answer[] = [];
  for (const input of inputs) {
    if (answers.length > 0 && work.bytes > runLimits.commitBytesMax) break;
    work.input = input;
    answers.push(answerOf(decideOne(work)));
  }
  if (work.cut && isActive(work)) work.commands.push({ kind: "continue" });
  const { events, commands } = work;
  if (work.inputs.length === 0 && commands.length === 0) return { commit: undefined, state, answers };
  const commit: Commit = { v: 1, kind: "commit", inputs: work.inputs, events, commands };
  return { commit, state: work.draft.run, answers };
}

function decideOne(work: Work): Verdict {
  const before = work.events.length + work.commands.length;
  const verdict = verdictOf(work);
  const { id, kind, at } = work.input;
  if (verdict.kind === "refused" && verdict.written) {
    work.inputs.push({ id, kind, at, refused: verdict.reason });
  }
  if (verdict.kind !== "accepted") return verdict;
  if (isActive(work)) advance(work);
  const changed = work.events.length + work.commands.length > before;
  if (changed) work.inputs.push({ id, kind, at });
  if (changed && isClientInput(kind)) remember(work.draft, id);
  return verdict;
}

function verdictOf(work: Work): Verdict {
  const { input, draft } = work;
  if (input.kind === "start") return decideStart(work, input);
  if (draft.run.kind === "absent") return refuse("not_found", "no such run");
  switch (input.kind) {
    case "result":
      return decideResult(work, input);
    case "started":
      return decideStarted(work, input);
    case "redelivered":
      return decideRedelivered(work, input);
    case "resent":
      return decideResent(work, input);
    case "timer":
      return decideTimer(work, input);
    case "cancel":
      return decideCancel(work, input);
    case "resolve":
      return decideResolve(work, input);
    case "approval":
      return decideApproval(work, input);
    case "nudge":
    case "continue":
      return decideNudge(work, input);
    default:
      return unknownInput(input);
  }
}

/** The type says that every kind was met; a worker of a newer release may say otherwise. */
function unknownInput(input: never): Verdict {
  return refuse(
    "input_unknown",
    `${JSON.stringify(input).slice(0, 200)} is of a kind that this build does not know`,
  );
}

function answerOf(verdict: Verdict): Answer {
  if (verdict.kind !== "refused") return verdict;
  const { kind, reason, message } = verdict;
  return { kind, reason, message };
}
