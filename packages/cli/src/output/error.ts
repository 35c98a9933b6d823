/** An error as a person can act on it: what, where, why, and what to do next; at most eight lines. */
import { AgentFlowError, type Finding, errorTable, toErrorBody } from "@agentflow/protocol";
import { printFindings } from "./findings.ts";
import type { Output } from "./output.ts";
import { bold, cyan, dim, red } from "./text.ts";

/** Says the error on stderr, or as an envelope on stdout; answers the exit code. */
export function reportError(output: Output, thrown: unknown): number {
  const error = AgentFlowError.from(thrown, "af");
  if (output.json) output.failure(toErrorBody(error));
  else say(output, error);
  if (output.debug) for (const line of (error.stack ?? "").split("\n")) output.warn(dim(line));
  return errorTable[error.code].exit;
}

const causesMax = 2;
const suggestionsMax = 3;

function say(output: Output, error: AgentFlowError): void {
  const [what = "", ...more] = error.message.split("\n");
  output.warn([bold(red("Error: ")), what, dim(` (${error.reason})`)]);
  for (const line of more.slice(0, 3)) output.warn(["  ", line]);
  const findings = findingsOf(error);
  if (findings.length > 0) printFindings(output, findings);
  const where = placeOf(error);
  if (where !== undefined) output.warn([dim("  where  "), where]);
  for (const cause of causesOf(error)) output.warn([dim("  cause  "), cause]);
  for (const next of error.suggestions.slice(0, suggestionsMax)) output.warn([dim("  try    "), cyan(next)]);
}

function placeOf(error: AgentFlowError): string | undefined {
  const { where, file, line, column } = error.details;
  if (typeof where === "string") return where;
  if (typeof file !== "string") return undefined;
  const numbers = [line, column].filter((part) => typeof part === "number");
  return [file, ...numbers].join(":");
}

function causesOf(error: AgentFlowError): string[] {
  const causes: string[] = [];
  for (let at: unknown = error.cause; at instanceof Error && causes.length < causesMax; at = at.cause) {
    const [text = ""] = at.message.split("\n");
    if (text !== "" && !error.message.includes(text)) causes.push(text);
  }
  return causes;
}

/** The findings that came with an answer, as far as they are ones. */
function findingsOf(error: AgentFlowError): Finding[] {
  const { findings } = error.details;
  if (!Array.isArray(findings)) return [];
  return findings.filter(isFinding).slice(0, 10);
}

function isFinding(value: unknown): value is Finding {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    "message" in value &&
    "severity" in value
  );
}
