/**
 * The journal of one agent step: read, and appended to at the revision that this attempt knows. The attempt
 * that appends last owns the step; one that finds the journal moved on must stop.
 */
import type { Log, Revision } from "@agentflow/bus";
import { type Clock, type Timers, sleep } from "@agentflow/host/clock";
import { parseJournal } from "@agentflow/core/turn";
import {
  AgentFlowError,
  type JournalRecord,
  type Subject,
  type TurnEvent,
  errorTable,
} from "@agentflow/protocol";
import { fenced } from "./fenced.ts";
import { agentLimits } from "./limits.ts";
import { unreadable } from "./unreadable.ts";

export interface JournalOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly subject: Subject;
  readonly attempt: number;
  /** Ends every wait; an append that is under way then may or may not be kept. */
  readonly signal: AbortSignal;
}

export class Journal {
  readonly #options: JournalOptions;
  #revision: Revision = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /**
   * Everything that stands there. Throws `fenced` when it holds records of a later attempt.
   */
  async read(): Promise<readonly TurnEvent[]> {
    const { log, subject, attempt } = this.#options;
    const events: TurnEvent[] = [];
    this.#revision = 0;
    for (;;) {
      const limit = agentLimits.journalReadRecords;
      const entries = await this.#persist(() => log.read(subject, { after: this.#revision, limit }));
      for (const { body, revision } of entries) {
        const record = readable(body);
        if (record.attempt > attempt) throw fenced(`attempt ${record.attempt} has the journal`);
        events.push(...record.events);
        this.#revision = revision;
      }
      if (entries.length < limit) return events;
    }
  }

  /** Nobody has written behind what this attempt knows. */
  async isCurrent(): Promise<boolean> {
    const { log, subject } = this.#options;
    const after = this.#revision;
    return (await this.#persist(() => log.read(subject, { after, limit: 1 }))).length === 0;
  }

  /**
   * Durable when it resolves. False: the journal holds records that were not read; nothing was appended.
   * Events that are too many for one record stand in several, in order. Throws `fenced` when it took so long
   * that another attempt may have taken over since, and one has.
   */
  async append(events: readonly TurnEvent[]): Promise<boolean> {
    const { attempt, clock } = this.#options;
    const began = clock.monotonic();
    for (const part of split(events)) {
      const record: JournalRecord = { v: 1, kind: "journal", attempt, events: part };
      if (!(await this.#appendOne(JSON.stringify(record)))) return false;
    }
    if (clock.monotonic() - began > agentLimits.appendFreshMs) await this.#requireLast();
    return true;
  }

  /**
   * A process that was stopped finds the answer to its append when it is woken: by then the step may be
   * another's, and what the record begins must not be done. So it looks until it has looked at once.
   */
  async #requireLast(): Promise<void> {
    const { log, subject, clock } = this.#options;
    for (let look = 0; look < agentLimits.appendLooksMax; look++) {
      const began = clock.monotonic();
      const found = await this.#persist(() => log.read(subject, { after: this.#revision, limit: 1 }));
      if (found.length > 0) throw fenced("another attempt took the journal over while this one slept");
      if (clock.monotonic() - began <= agentLimits.appendFreshMs) return;
    }
  }

  async #appendOne(body: string): Promise<boolean> {
    const { log, subject } = this.#options;
    return this.#persist(async () => {
      const appended = await log.append(subject, body, { expect: this.#revision });
      if (appended.ok) {
        this.#revision = appended.revision;
        return true;
      }
      // An append whose answer was lost may have arrived all the same, later than the one that followed it.
      return this.#isThere(body);
    });
  }

  async #isThere(body: string): Promise<boolean> {
    const { log, subject } = this.#options;
    const [next] = await log.read(subject, { after: this.#revision, limit: 1 });
    if (next?.body !== body) return false;
    this.#revision = next.revision;
    return true;
  }

  /** Tries until it is done: whoever has no answer does not know what happened, and may not guess. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { timers, signal } = this.#options;
    let backoffMs: number = agentLimits.journalBackoffMinMs;
    for (;;) {
      if (signal.aborted) throw fenced("the attempt was given up");
      try {
        return await work();
      } catch (error) {
        if (!mayPass(error)) throw error;
        await sleep(timers, backoffMs, signal);
        backoffMs = Math.min(backoffMs * 2, agentLimits.journalBackoffMaxMs);
      }
    }
  }
}

function readable(body: string): JournalRecord {
  const parsed = parseJournal(body);
  if (parsed.ok) return parsed.record;
  throw unreadable(parsed.message);
}

function mayPass(error: unknown): boolean {
  if (!AgentFlowError.is(error) || error.reason === "too_big") return false;
  const { retry } = errorTable[error.code];
  return retry === "backoff" || retry === "after_delay";
}

function split(events: readonly TurnEvent[]): readonly (readonly TurnEvent[])[] {
  const parts: TurnEvent[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const length = Buffer.byteLength(JSON.stringify(event));
    if (size + length > agentLimits.recordBytesMax) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(event);
    size += length;
  }
  return parts;
}
