/** What lies in the log and the queue: read as plain JSON, with nothing of the core between. */
import type { Commit, JournalRecord, Task } from "@agentflow/protocol";

export function parseStoredCommit(text: string): Commit {
  return JSON.parse(text) as Commit;
}

export function parseStoredRecord(text: string): JournalRecord {
  return JSON.parse(text) as JournalRecord;
}

export function parseStoredTask(text: string): Task {
  return JSON.parse(text) as Task;
}
