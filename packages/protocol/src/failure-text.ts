/** A failure in one line, the same wherever a person reads it. */
import type { Failure } from "./errors.ts";

/** The line of project code that threw, such as `tools/pay.ts:14:11`, when it is known. */
export function failedAt({ details }: Failure): string | undefined {
  const at = details?.["at"];
  return typeof at === "string" && placePattern.test(at) ? at : undefined;
}

/** A path with a line: a tool may keep anything else under `at`. */
const placePattern = /^[^\s:]{1,300}:\d{1,7}(:\d{1,7})?$/;

/** The message, and where it was thrown. */
export function failureMessage(failure: Failure): string {
  const at = failedAt(failure);
  return at === undefined ? failure.message : `${failure.message} (at ${at})`;
}

/** The code, the message, and where it was thrown. */
export function failureText(failure: Failure): string {
  return `${failure.code}: ${failureMessage(failure)}`;
}
