/** The records of one stream of the log (of one lane), as an array, with one list a subject beside it. */
import type { Subject } from "@agentflow/protocol";
import type { Appended, LogEntry, Revision } from "../port/index.ts";
import type { Bell } from "./bell.ts";
import type { Weather } from "./weather.ts";

export interface Lane {
  readonly lane: number;
  readonly lanes: number;
}

export class Stream {
  readonly bells = new Set<Bell>();
  readonly lane: number;
  private readonly lanes: number;
  private last = 0;
  private entries: LogEntry[] = [];
  private readonly bySubject = new Map<Subject, LogEntry[]>();
  private readonly weather: Weather;

  constructor(weather: Weather, { lane, lanes }: Lane) {
    this.weather = weather;
    this.lane = lane;
    this.lanes = lanes;
  }

  get size(): number {
    return this.entries.length;
  }

  append(subject: Subject, body: string, expect: Revision | "any"): Appended {
    const own = this.bySubject.get(subject) ?? [];
    const newest = own.at(-1)?.revision ?? 0;
    if (expect !== "any" && expect !== newest) {
      return { ok: false, reason: "wrong_revision", revision: newest };
    }
    const { nasty } = this.weather;
    this.last += 1 + (this.weather.happens(nasty.gapRate) ? 1 + this.weather.pick(3) : 0);
    const revision = this.last * this.lanes + this.lane;
    const entry: LogEntry = { subject, revision, body, atMs: this.weather.now() };
    this.entries.push(entry);
    own.push(entry);
    this.bySubject.set(subject, own);
    for (const bell of this.bells) bell.ring();
    return { ok: true, revision: entry.revision };
  }

  read(subject: Subject, after: Revision, limit: number): LogEntry[] {
    const own = this.bySubject.get(subject) ?? [];
    const from = firstBehind(own, after);
    return own.slice(from, from + limit);
  }

  /** Records behind `after` that match, at most `max`, and how far the search went. */
  behind(after: Revision, matches: (subject: Subject) => boolean, max: number): Found {
    const found: LogEntry[] = [];
    let upTo = after;
    if (max === 0) return { found, upTo };
    for (let index = firstBehind(this.entries, after); index < this.entries.length; index++) {
      const entry = this.entries[index];
      if (entry === undefined || found.length === max) break;
      upTo = entry.revision;
      if (matches(entry.subject)) found.push(entry);
    }
    return { found, upTo };
  }

  head(): Revision {
    return this.entries.at(-1)?.revision ?? 0;
  }

  subjects(): readonly Subject[] {
    return [...this.bySubject.keys()];
  }

  purge(subject: Subject, upTo: Revision): void {
    const own = this.bySubject.get(subject) ?? [];
    const kept = own.slice(firstBehind(own, upTo));
    if (kept.length === own.length) return;
    if (kept.length === 0) this.bySubject.delete(subject);
    else this.bySubject.set(subject, kept);
    this.entries = this.entries.filter((entry) => entry.subject !== subject || entry.revision > upTo);
  }

  /** The newest records are gone and their revisions are given out again, as after a lost disk cache. */
  dropTail(count: number): readonly LogEntry[] {
    const dropped = this.entries.splice(Math.max(0, this.entries.length - count));
    for (const entry of dropped) {
      const own = this.bySubject.get(entry.subject)?.filter((one) => one !== entry) ?? [];
      if (own.length === 0) this.bySubject.delete(entry.subject);
      else this.bySubject.set(entry.subject, own);
    }
    this.last = Math.floor(this.head() / this.lanes);
    return dropped;
  }
}

export interface Found {
  readonly found: readonly LogEntry[];
  readonly upTo: Revision;
}

/** True for a subject that is in the list, or below a prefix in it. */
export function matcher(filter: readonly Subject[]): (subject: Subject) => boolean {
  const exact = new Set(filter.filter((one) => !one.endsWith(".")));
  const below = filter.filter((one) => one.endsWith("."));
  return (subject) => exact.has(subject) || below.some((prefix) => subject.startsWith(prefix));
}

function firstBehind(entries: readonly LogEntry[], after: Revision): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.revision ?? 0) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
