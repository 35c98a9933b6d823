/** How a service says why it could not start: in its log, to whoever started it, and by its exit code. */
import type { Log } from "@agentflow/host/log";
import type { GracefulStop } from "@agentflow/host/stop";
import { AgentFlowError, errorTable } from "@agentflow/protocol";

/**
 * What a start fails of, in the words a person can act on. They stand beside the error, whose own message a
 * log leaves out: at a start it speaks of settings, addresses and files, never of what runs were given.
 */
export function wordsOf(error: AgentFlowError): { why: string; next?: readonly string[] } {
  const { message, suggestions } = error;
  return suggestions.length === 0 ? { why: message } : { why: message, next: suggestions };
}

/** Says it in the log and, as every command does, on stderr; then ends with the code of the error. */
export async function failStart(
  thrown: unknown,
  of: { readonly says: string; readonly log: Pick<Log, "fatal">; readonly stop: GracefulStop },
): Promise<void> {
  const error = AgentFlowError.from(thrown, "starting");
  of.log.fatal(of.says, { ...wordsOf(error), error });
  const [{ reportError }, { processOutput }] = await Promise.all([
    import("../../output/error.ts"),
    import("../../output/process-output.ts"),
  ]);
  reportError(processOutput(process.argv), error);
  await of.stop.begin("error", errorTable[error.code].exit);
}
