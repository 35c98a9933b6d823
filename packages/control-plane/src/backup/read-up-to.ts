import {
  advanced,
  covers,
  type Log,
  type LogEntry,
  lower,
  type Position,
  reaches,
  startOf,
} from "@agentflow/bus";
import { sleep, type Timers } from "@agentflow/host/clock";
import { AgentFlowError, prefixes, type Subject } from "@agentflow/protocol";

export interface UpTo {
  readonly prefix: Subject;
  readonly upTo: Position;
  readonly timers: Timers;
  readonly signal: AbortSignal;
}

/**
 * How long nothing may come before we ask whether there is anything more. The second time is long: a store
 * that keeps several streams in one file may look through all of it for the few records of one.
 */
const quietMs = [2_000, 30_000] as const;
const lostMax = 10;
const lostPauseMs = 500;

/** How far a stream goes now: one number for each of its lanes. */
export async function endOf(log: Log, prefix: Subject): Promise<Position> {
  return prefix === prefixes.log ? log.heads() : [await log.head(prefix)];
}

/**
 * What is stored under the prefix up to a place, in order within each lane, and no further: it never waits
 * for work. The last record itself may go into an archive meanwhile, so its coming is not the only end.
 */
export async function* readUpTo(log: Log, of: UpTo): AsyncGenerator<readonly LogEntry[], void> {
  let seen = startOf(of.upTo.length);
  let lost = 0;
  for (let quiet = 0; !reaches(seen, of.upTo); quiet++) {
    const silenceMs = quietMs[quiet];
    if (silenceMs === undefined) return;
    try {
      for await (const batch of untilQuiet(log, { ...of, silenceMs }, seen)) {
        [quiet, lost] = [0, 0];
        seen = advanced(seen, batch);
        const wanted = batch.filter(({ revision }) => covers(of.upTo, revision));
        if (wanted.length > 0) yield wanted;
        if (reaches(seen, of.upTo)) return;
      }
      if (of.signal.aborted) throw givenUp();
      if (reaches(seen, lower(of.upTo, await endOf(log, of.prefix)))) return;
    } catch (error) {
      // A connection that was lost is made again behind the last record: the copying is not lost with it.
      if (!mayComeBack(error) || of.signal.aborted || lost >= lostMax) throw error;
      lost++;
      quiet--;
      await sleep(of.timers, lostPauseMs, of.signal);
    }
  }
}

function mayComeBack(error: unknown): boolean {
  return AgentFlowError.is(error) && (error.code === "unavailable" || error.code === "timeout");
}

async function* untilQuiet(
  log: Log,
  { prefix, timers, signal, silenceMs }: UpTo & { readonly silenceMs: number },
  after: Position,
): AsyncGenerator<readonly LogEntry[], void> {
  const quiet = new AbortController();
  const ends = AbortSignal.any([signal, quiet.signal]);
  const batches = log.tail({ filter: [prefix], after, signal: ends })[Symbol.asyncIterator]();
  try {
    for (;;) {
      // Counted only while we wait: whoever takes the copy may be slow.
      const stop = timers.after(silenceMs, () => quiet.abort());
      const next = await batches.next().finally(stop);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    quiet.abort();
    await batches.return?.();
  }
}

function givenUp(): AgentFlowError {
  return new AgentFlowError("unavailable", "the copy was given up", { reason: "stopping" });
}
