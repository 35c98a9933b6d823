/** A container that failed, with what it last said. */
import { AgentFlowError } from "@agentflow/protocol";
import { logText } from "../logs/log-line.ts";
import type { Output } from "../output/output.ts";
import { dim, type Text } from "../output/text.ts";
import { parsePrinted } from "../parse-printed.ts";

/** The last lines of what failed, on stderr; with --json they are among the details. */
export function sayLastLines(output: Output, error: unknown): void {
  if (!AgentFlowError.is(error)) return;
  const { lines, container } = error.details;
  if (!Array.isArray(lines) || lines.length === 0) return;
  output.say(dim(`last lines of ${typeof container === "string" ? container : "its output"}:`));
  for (const text of lines.flatMap((line) => shown(String(line)))) output.say([dim("│ "), text]);
}

/** Records as `af logs` shows them; whatever else it is, as it was printed. */
function shown(line: string): readonly Text[] {
  const record = parsePrinted(line).ours?.();
  return record === undefined ? [line] : logText(record);
}

/** Ctrl-C: nothing is undone, and the same command goes on. */
export function interruptedWork(command: string): AgentFlowError {
  return new AgentFlowError("refused", "stopped; what is there stays, and what was started goes on", {
    reason: "interrupted",
    suggestions: [`go on: ${command}`],
  });
}
