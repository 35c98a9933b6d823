/** The journals of a run's agent steps, read from the log: all of them in its order, or one. */
import { laneOfShard, type Log, type Revision } from "@agentflow/bus";
import {
  type JournalPage,
  type JournalView,
  parseLogSubject,
  prefixes,
  type RunId,
  type StepInstance,
  type Subject,
  subjects,
  type TenantId,
} from "@agentflow/protocol";
import type { Histories } from "../orchestrator/history.ts";
import { noSuchRun } from "../orchestrator/refusal.ts";
import { makeRunRef } from "../orchestrator/run-ref.ts";
import { shardOf } from "../orchestrator/shard.ts";
import { readPlace, showEvent, wholeCommit } from "./cursor.ts";
import { turnRecord, type TurnRecord } from "./turn-record.ts";

export interface JournalOptions {
  /** All steps when left out. */
  readonly step?: StepInstance;
  readonly after?: Revision;
  /** At most so many records; all when left out. */
  readonly limit?: number;
}

/** Journals from wherever their run is kept. */
export interface Journals {
  /** In the order of the log, strictly behind `after`; empty when there are none. */
  journal(tenant: TenantId, run: RunId, options?: JournalOptions): Promise<readonly TurnRecord[]>;
}

const pageMax = 1_000;

/** Subjects of the journals that a run has in the log. */
export async function journalSubjects(log: Log, of: { tenant: TenantId; run: RunId }): Promise<Subject[]> {
  const found: Subject[] = [];
  for await (const page of log.subjects(prefixes.turns(makeRunRef(of.tenant, of.run)))) found.push(...page);
  return found;
}

/** Leader reads of the subjects of a run's journals, merged into the log's order. */
export async function readJournals(
  log: Log,
  of: { tenant: TenantId; run: RunId },
  { step, after = 0, limit = Number.POSITIVE_INFINITY }: JournalOptions = {},
): Promise<TurnRecord[]> {
  const ref = makeRunRef(of.tenant, of.run);
  const named = step === undefined ? await journalSubjects(log, of) : [subjects.turn({ ...ref, step })];
  const found: TurnRecord[] = [];
  for (const subject of named) found.push(...(await readOne(log, subject, { after, limit })));
  return found.toSorted((a, b) => a.revision - b.revision).slice(0, limit);
}

async function readOne(log: Log, subject: Subject, of: { after: Revision; limit: number }) {
  const parsed = parseLogSubject(subject);
  const found: TurnRecord[] = [];
  if (parsed?.kind !== "turn") return found;
  for (let { after } = of; found.length < of.limit; ) {
    const limit = Math.min(pageMax, of.limit - found.length);
    const page = await log.read(subject, { after, limit });
    for (const entry of page) found.push(turnRecord(parsed, entry));
    after = page.at(-1)?.revision ?? after;
    if (page.length < limit) break;
  }
  return found;
}

export interface JournalQuery {
  readonly step?: StepInstance;
  readonly after?: string;
  readonly limit?: number;
}

/** A page behind a cursor, which may also be one of the run's events. `not_found` where there is no run. */
export async function pageOfJournal(
  { journals, histories, log }: { journals: Journals; histories: Histories; log: Log },
  { tenant, run }: { tenant: TenantId; run: RunId },
  query: JournalQuery,
): Promise<JournalPage> {
  const place = readPlace(query.after ?? "", log.lanes)[laneOfShard(shardOf(run), log.lanes)];
  // Before the first event of a commit is behind all that lies before that commit.
  const after = place === undefined ? 0 : place.n === -1 ? Math.max(0, place.revision - 1) : place.revision;
  const limit = Math.min(Math.max(query.limit ?? 200, 1), pageMax);
  const of = query.step === undefined ? {} : { step: query.step };
  const found = await journals.journal(tenant, run, { ...of, after, limit: limit + 1 });
  if (found.length === 0 && (await histories.read(tenant, run, { limit: 1 })).length === 0)
    throw noSuchRun(run);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const records = page.flatMap((record) => viewOf(record) ?? []);
  if (last === undefined || found.length <= limit) return { records };
  return { records, cursor: showEvent({ revision: last.revision, n: wholeCommit }, log.lanes) };
}

/** Undefined for a record that this build cannot read. */
export function viewOf({ run, step, revision, read }: TurnRecord): JournalView | undefined {
  const record = read();
  return record === undefined ? undefined : { run, step, revision, record };
}
