import type { Log } from "@agentflow/bus";
import { fold, type RunState } from "@agentflow/core/run";
import { AgentFlowError, type Commit } from "@agentflow/protocol";
import { readLog, type StoredCommit } from "./history.ts";
import type { Parked } from "./run-actor.ts";
import type { RunRef } from "./run-ref.ts";

/** A run as the log has it now. */
export interface LoadedRun {
  readonly state: RunState;
  readonly revision: number;
  readonly bytes: number;
  readonly commits: readonly { readonly revision: number; readonly commit: Commit }[];
  /** The history holds what this build does not know: nothing may be decided on it. */
  readonly parked?: Parked;
}

export async function loadRun(log: Log, ref: RunRef): Promise<LoadedRun> {
  return loadHistory(await readLog(log, ref));
}

/** The same from commits that were read already. */
export function loadHistory(stored: readonly StoredCommit[]): LoadedRun {
  const commits: { revision: number; commit: Commit }[] = [];
  let problem: string | undefined;
  let bytes = 0;
  for (const one of stored) {
    bytes += one.bytes;
    if (!one.parsed.ok) problem ??= one.parsed.message;
    else if (problem === undefined) commits.push({ revision: one.revision, commit: one.parsed.commit });
  }
  const folded = foldAll(commits);
  const revision = stored.at(-1)?.revision ?? 0;
  const message = problem ?? folded.problem;
  const parked = message === undefined ? {} : { parked: { reason: "incompatible", message } as const };
  return { state: folded.state, revision, bytes, commits, ...parked };
}

function foldAll(commits: readonly { commit: Commit }[]): { state: RunState; problem?: string } {
  try {
    return { state: fold(commits.map(({ commit }) => commit)) };
  } catch (error) {
    return { state: { kind: "absent" }, problem: AgentFlowError.from(error, "reading the history").message };
  }
}
