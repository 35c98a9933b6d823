/** A refusal that comes from two releases not understanding each other says so, in one line. */
import { AgentFlowError } from "@agentflow/protocol";

/** What a client of one release asks and a server of another does not know. */
const skewed: ReadonlySet<string> = new Set(["no_such_path", "method_not_allowed", "schema_violation"]);

/** The error with that line as its first suggestion; any other error as it is. */
export function withSkew(error: unknown, own: string): unknown {
  if (!AgentFlowError.is(error) || !skewed.has(error.reason)) return error;
  const server = error.details["serverVersion"];
  if (typeof server !== "string" || server === own) return error;
  const line = `the installation runs af ${server}, this is af ${own}: use ${newerOf(server, own)} for both`;
  const { code, message, reason, details, suggestions, cause } = error;
  return new AgentFlowError(code, message, { reason, details, cause, suggestions: [line, ...suggestions] });
}

/** The one of two releases that came later, by the numbers in them. */
export function newerOf(a: string, b: string): string {
  const [left, right] = [numbersIn(a), numbersIn(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference > 0 ? a : b;
  }
  return a;
}

function numbersIn(version: string): number[] {
  return version.split(/[^0-9]+/).flatMap((part) => (part === "" ? [] : [Number(part)]));
}
