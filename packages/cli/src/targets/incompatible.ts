/** A control plane that cannot read what is alive: told with an exit code of its own. */
import { AgentFlowError, exitCodes } from "@agentflow/protocol";
import { reportError } from "../output/error.ts";
import type { Output } from "../output/output.ts";

/** True when the error was this one, and has been said. */
export function saidIncompatible(output: Output, error: unknown): boolean {
  if (!AgentFlowError.is(error) || error.reason !== "history_incompatible") return false;
  reportError(output, error);
  process.exitCode = exitCodes.historyIncompatible;
  return true;
}
