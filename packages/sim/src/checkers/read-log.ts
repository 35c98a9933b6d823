/** The log as it stands, read past everything that is simulated. */
import { advanced, covers, type Log, type LogEntry, reaches, startOf } from "@agentflow/bus";
import type { Commit, Subject } from "@agentflow/protocol";
import { AgentFlowError, parseLogSubject } from "@agentflow/protocol";
import { parseStoredCommit } from "./parse-stored.ts";

export interface Stored {
  readonly revision: number;
  readonly atMs: number;
  readonly commit: Commit;
}

/** Every record of a stream, oldest first; read anew when the connection is cut meanwhile. */
export async function readWholeLog(log: Log, prefix: Subject): Promise<readonly LogEntry[]> {
  for (;;) {
    try {
      return await readOnce(log, prefix);
    } catch (error) {
      if (!AgentFlowError.is(error) || error.code !== "unavailable") throw error;
    }
  }
}

async function readOnce(log: Log, prefix: Subject): Promise<readonly LogEntry[]> {
  const heads = await log.heads();
  const entries: LogEntry[] = [];
  let seen = startOf(log.lanes);
  if (reaches(seen, heads)) return entries;
  const stop = new AbortController();
  for await (const batch of log.tail({ filter: [prefix], after: seen, signal: stop.signal })) {
    seen = advanced(seen, batch);
    entries.push(...batch.filter(({ revision }) => covers(heads, revision)));
    if (reaches(seen, heads)) break;
  }
  stop.abort();
  return entries;
}

/** Commits by run, each run's in order. */
export function commitsByRun(entries: readonly LogEntry[]): Map<string, Stored[]> {
  const runs = new Map<string, Stored[]>();
  for (const { subject, revision, atMs, body } of entries) {
    const parsed = parseLogSubject(subject);
    if (parsed?.kind !== "run") continue;
    const commits = runs.get(parsed.run) ?? [];
    commits.push({ revision, atMs, commit: parseStoredCommit(body) });
    runs.set(parsed.run, commits);
  }
  return runs;
}
