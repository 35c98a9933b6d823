import { laneOf, type Position, type Revision } from "@agentflow/bus";
import { AgentFlowError } from "@agentflow/protocol";

/** In one lane: behind the `n`th event of the commit at `revision`; `n` is -1 before its first. */
export interface LanePlace {
  readonly revision: Revision;
  readonly n: number;
}

/** Behind which events somebody is, lane by lane. */
export type EventPlace = readonly LanePlace[];

/** Of every commit up to here all events, and of the others none. */
export function behind(position: Position): EventPlace {
  return position.map((revision) => ({ revision, n: wholeCommit }));
}

export const wholeCommit = Number.MAX_SAFE_INTEGER;

/** What a log that is read from there on is to be read behind. */
export function readFrom(place: EventPlace): Position {
  return place.map(({ revision, n }) => (n === wholeCommit ? revision : Math.max(0, revision - 1)));
}

/** The number of the first event of the commit that lies behind the place; none may be left of it. */
export function firstBehind(place: EventPlace, revision: Revision): number {
  const seen = place[laneOf(revision, place.length)];
  if (seen === undefined || revision > seen.revision) return 0;
  return revision === seen.revision && seen.n < wholeCommit ? seen.n + 1 : wholeCommit;
}

/**
 * Opaque to clients: what it holds may change, what was given out stays readable. With one lane `e` and its
 * place; with several `v` and a place for each, of which most are behind a whole commit.
 */
export function showPlace(place: EventPlace): string {
  const [one] = place;
  if (one !== undefined && place.length === 1) return showEvent(one, 1);
  return `v${place.map(showLane).join(".")}`;
}

/** The place behind one event of one run, which lies in one of the lanes. */
export function showEvent({ revision, n }: LanePlace, lanes: number): string {
  // Before the first event of what may come next in the same lane.
  if (n === wholeCommit) return showEvent({ revision: revision + lanes, n: -1 }, lanes);
  return `e${revision.toString(36)}-${(n + 1).toString(36)}`;
}

function showLane({ revision, n }: LanePlace): string {
  return n === wholeCommit ? revision.toString(36) : `${revision.toString(36)}-${(n + 1).toString(36)}`;
}

// Ten digits are a number that is exact, and more than any log will count.
const ofOne = /^e([0-9a-z]{1,10})-([0-9a-z]{1,6})$/;
const lanePattern = /^([0-9a-z]{1,10})(?:-([0-9a-z]{1,6}))?$/;

/** The empty cursor is "before everything"; one of a single run says nothing of other lanes. */
export function readPlace(cursor: string, lanes: number): EventPlace {
  const start: EventPlace = Array.from({ length: lanes }, () => ({ revision: 0, n: -1 }));
  if (cursor === "") return start;
  if (cursor.startsWith("v")) return readLanes(cursor, lanes);
  const match = ofOne.exec(cursor);
  if (match === null) throw invalidCursor(cursor);
  const of = laneFrom(match);
  return start.with(laneOf(of.revision, lanes), of);
}

/** True for a cursor that says where to go on in every lane. */
export function isWhole(cursor: string, lanes: number): boolean {
  return lanes === 1 || !cursor.startsWith("e");
}

function readLanes(cursor: string, lanes: number): EventPlace {
  const matches = cursor
    .slice(1)
    .split(".", lanes + 1)
    .map((text) => lanePattern.exec(text));
  const place = matches.flatMap((match) => (match === null ? [] : [laneFrom(match)]));
  if (matches.length !== lanes || place.length !== lanes) throw invalidCursor(cursor);
  return place;
}

function laneFrom([, revision = "", n]: RegExpExecArray): LanePlace {
  const number = n === undefined ? wholeCommit : Number.parseInt(n, 36) - 1;
  return { revision: Number.parseInt(revision, 36), n: number };
}

/** A cursor that speaks of one lane, where a place in each is needed. */
export function positionNeeded(): AgentFlowError {
  return new AgentFlowError("invalid_input", "the log has several lanes, and this speaks of one of them", {
    reason: "position_needed",
    suggestions: ["pass a cursor of a stream of all runs, or the place that a list of runs names"],
  });
}

export function invalidCursor(cursor: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${JSON.stringify(cursor.slice(0, 40))} is not a cursor`, {
    reason: "invalid_cursor",
    suggestions: ["pass a cursor that this server gave, or leave it out"],
  });
}
