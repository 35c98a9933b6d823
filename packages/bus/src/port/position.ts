/** Places in a log that is spread over lanes: a revision for each. With one lane it is one number. */
import type { LogEntry, Position, Revision } from "./log.ts";

/** Logs that an installation can have at most. */
export const lanesMax = 8;

/** Before everything. */
export function startOf(lanes: number): Position {
  return Array.from({ length: lanes }, () => 0);
}

/** The lane that a revision counts in. */
export function laneOf(revision: Revision, lanes: number): number {
  return lanes === 1 ? 0 : revision % lanes;
}

/** The lane in which all runs of a shard lie: for life, as the number of lanes is. */
export function laneOfShard(shard: string, lanes: number): number {
  return lanes === 1 ? 0 : Number(shard) % lanes;
}

/** True for a record that lies at the position or before it. */
export function covers(position: Position, revision: Revision): boolean {
  return revision <= (position[laneOf(revision, position.length)] ?? 0);
}

/** True when nothing up to `other` lies behind the position, in any lane. */
export function reaches(position: Position, other: Position): boolean {
  return other.every((revision, lane) => revision <= (position[lane] ?? 0));
}

/** Where a reader is who has also seen these, which stand in order within each lane. */
export function advanced(position: Position, entries: readonly Pick<LogEntry, "revision">[]): Position {
  const lanes = position.length;
  if (lanes === 1) return [entries.at(-1)?.revision ?? position[0] ?? 0];
  const next = [...position];
  for (const { revision } of entries) next[laneOf(revision, lanes)] = revision;
  return next;
}

/** What both have behind them. */
export function lower(a: Position, b: Position): Position {
  return a.map((revision, lane) => Math.min(revision, b[lane] ?? 0));
}

/** What either has behind it. */
export function higher(a: Position, b: Position): Position {
  return a.map((revision, lane) => Math.max(revision, b[lane] ?? 0));
}

/** The position that asks for this record and for nothing else. */
export function upTo(revision: Revision, lanes: number): Position {
  const lane = laneOf(revision, lanes);
  return Array.from({ length: lanes }, (_, index) => (index === lane ? revision : 0));
}

/** The greatest number in it: for people, who see that it grows. With one lane it is the position. */
export function newestOf(position: Position): Revision {
  return Math.max(...position);
}

/** What a tail goes on behind in one lane. */
export function behindIn(after: Revision | Position, lane: number): Revision {
  return typeof after === "number" ? after : (after[lane] ?? 0);
}

/** In JSON: a number where there is one lane, else a list. */
export function toJson(position: Position): Revision | Position {
  return position.length === 1 ? newestOf(position) : position;
}

/** Undefined for what is no position of a log with so many lanes. */
export function fromJson(value: unknown, lanes: number): Position | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isPosition = list.length === lanes && list.every((one) => typeof one === "number");
  return isPosition ? list.filter((one) => typeof one === "number") : undefined;
}
