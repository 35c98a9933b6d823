import { AgentFlowError, errorTable } from "@agentflow/protocol";
import { isFenced } from "./fenced.ts";
import { isUnreadable } from "./unreadable.ts";

/**
 * What no loop of an attempt can go on from: the journal is another's, or cannot be read; or something that
 * was to be stored could not be, as good as a worker that died before it could say so.
 */
export function endsAttempt(error: unknown): boolean {
  return isFenced(error) || isUnreadable(error) || isNotStored(error);
}

export function isNotStored(error: unknown): boolean {
  return AgentFlowError.is(error) && errorTable[error.code].retry === "backoff";
}
