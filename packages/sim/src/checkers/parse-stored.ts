/** A commit as it lies in the log: the checkers read it as plain JSON, with nothing of the core between. */
import type { Commit } from "@agentflow/protocol";

export function parseStoredCommit(text: string): Commit {
  return JSON.parse(text) as Commit;
}
