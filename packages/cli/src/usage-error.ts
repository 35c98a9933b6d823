/** Errors of the command library as ours, with the flag or word that was probably meant. */
import { AgentFlowError, nearest } from "@agentflow/protocol";
import { findCommand } from "./help/find-command.ts";
import { type CommandEntry, readCommandTable } from "./help/parse-command-table.ts";
import { usageMessage } from "./usage-message.ts";

/** Errors of parsing become `invalid_input`; all others come back as they are. */
export function translated(error: unknown, argv: readonly string[]): unknown {
  if (AgentFlowError.is(error) || !(error instanceof Error)) return error;
  if (error.name === "ExitPromptError") return interrupted();
  const isUsage = "parse" in error || ("oclif" in error && error.constructor.name.endsWith("Error"));
  if (!isUsage) return error;
  const table = readCommandTable();
  const found = findCommand(argv, table);
  const entry = found.kind === "command" ? table.commands[found.id] : undefined;
  const help = entry === undefined ? "af help" : `af help ${entry.id.replaceAll(":", " ")}`;
  const { message, mistaken } = usageMessage(error.message, entry);
  const near = mistaken === undefined ? undefined : nearest(mistaken.word, mistaken.allowed);
  return new AgentFlowError("invalid_input", message, {
    reason: "usage",
    suggestions: [...(near === undefined ? [] : [`did you mean: ${near}`]), ...nearFlags(error, entry), help],
  });
}

/** Whether somebody pressed Ctrl-C at a question. */
export function isInterrupt(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "interrupted";
}

function nearFlags(error: Error, entry: CommandEntry | undefined): string[] {
  if (!("flags" in error) || !Array.isArray(error.flags) || entry === undefined) return [];
  const known = Object.keys(entry.flags);
  return error.flags.flatMap((flag) => {
    const near = typeof flag === "string" ? nearest(flag.replace(/^-+/, ""), known) : undefined;
    return near === undefined ? [] : [`did you mean: --${near}`];
  });
}

function interrupted(): AgentFlowError {
  return new AgentFlowError("refused", "stopped before anything was done", { reason: "interrupted" });
}
