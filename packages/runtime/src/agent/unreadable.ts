/**
 * A journal that this build cannot go on with: of a newer one, or damaged. The step is not given up for it:
 * it waits until a worker that can read it comes, or a person says what became of it.
 */
import { type TurnState, emptyTurn, evolveTurn } from "@agentflow/core/turn";
import {
  AgentFlowError,
  type Answer,
  type Ask,
  type StepInstance,
  type TurnEvent,
} from "@agentflow/protocol";

export function unreadable(message: string, cause?: unknown): AgentFlowError {
  return new AgentFlowError("refused", message, {
    reason: "history_incompatible",
    cause,
    suggestions: ["let a worker of the version that wrote it go on"],
  });
}

export function isUnreadable(error: unknown): error is AgentFlowError {
  return AgentFlowError.is(error) && error.reason === "history_incompatible";
}

/** Folds what was read; whatever is thrown at it, the journal is what does not fit. */
export function foldRead(events: readonly TurnEvent[]): TurnState {
  try {
    return events.reduce(evolveTurn, emptyTurn);
  } catch (error) {
    if (isUnreadable(error)) throw error;
    throw unreadable("the journal holds events that cannot be what happened", error);
  }
}

/** As of a call whose outcome nobody knows: the run is parked, and says why. */
export function askAbout(error: AgentFlowError, of: { step: StepInstance; agent: string }): Ask {
  const call = callOf(of.step);
  return { kind: "unknown", call, tool: `agent:${of.agent}`, reason: error.message, input: null };
}

/** What a person said of the journal last; undefined when nobody did, or that it is to be tried again. */
export function saidOf(
  step: StepInstance,
  answers: readonly Answer[] = [],
): (Answer & { readonly kind: "resolution" }) | undefined {
  const said = answers.findLast((one) => one.call === callOf(step));
  return said?.kind === "resolution" && said.as !== "retry" ? said : undefined;
}

function callOf(step: StepInstance): string {
  return `${step}/journal`;
}
