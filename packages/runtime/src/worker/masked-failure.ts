import type { Failure } from "@agentflow/protocol";
import type { Masks } from "./masks.ts";

/** What a failure says, without secrets. Its code is what others steer by, and stays. */
export function maskedFailure(failure: Failure, masks: Masks): Failure {
  const { message, details } = failure;
  const more = details === undefined ? {} : { details: masks.json(details) };
  return { ...failure, message: masks.text(message), ...more };
}
