/** What a request that must not be done twice needs to know before it is sent again. */
import { AgentFlowError } from "@agentflow/protocol";
import { codeOf } from "./parse-answer.ts";

/** No connection was made, so nothing was sent. */
const unsent: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** Surely nobody has begun what was asked: it never left, or it was turned away at the door. */
export function isUntaken(error: unknown): boolean {
  if (!AgentFlowError.is(error)) return false;
  return error.code === "limit_exceeded" || error.reason === "stopping" || isUnsent(error.cause);
}

/** A connection that was made can be lost in the same words: then it was reading or writing. */
function isUnsent(cause: unknown): boolean {
  if (!unsent.has(codeOf(cause))) return false;
  const syscall = cause instanceof Error && "syscall" in cause ? cause.syscall : undefined;
  return syscall !== "read" && syscall !== "write";
}
