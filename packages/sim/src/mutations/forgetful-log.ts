/** A fold that never met some of the facts: what is read back lacks one kind of event. */
import type { Log, LogEntry } from "@agentflow/bus";
import { parseStoredCommit } from "../checkers/parse-stored.ts";
import { methods } from "./ports.ts";

const forgotten = "step_succeeded";

export function forgetfulLog(log: Log): Log {
  return {
    ...methods(log),
    read: async (subject, options) => (await log.read(subject, options)).map(without),
  };
}

function without(entry: LogEntry): LogEntry {
  if (!entry.body.includes(forgotten)) return entry;
  const commit = parseStoredCommit(entry.body);
  const events = commit.events.filter(({ kind }) => kind !== forgotten);
  return { ...entry, body: JSON.stringify({ ...commit, events }) };
}
