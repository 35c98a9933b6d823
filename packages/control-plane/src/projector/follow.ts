import {
  covers,
  laneOf,
  laneOfShard,
  type Log,
  lower,
  type Position,
  reaches,
  type Revision,
  startOf,
} from "@agentflow/bus";
import {
  AgentFlowError,
  type EventPage,
  type RunCancelled,
  type RunCompleted,
  type RunEvent,
  type RunEventView,
  type RunFailed,
  type RunId,
  type TenantId,
} from "@agentflow/protocol";
import type { FollowRuns } from "../engine-api.ts";
import type { Histories, StoredCommit } from "../orchestrator/history.ts";
import { noSuchRun } from "../orchestrator/refusal.ts";
import { shardOf } from "../orchestrator/shard.ts";
import {
  behind,
  type EventPlace,
  firstBehind,
  isWhole,
  type LanePlace,
  positionNeeded,
  readFrom,
  readPlace,
  showEvent,
  showPlace,
  wholeCommit,
} from "./cursor.ts";
import type { Hub } from "./hub.ts";
import type { LogRecordOfRun, LogTail } from "./log-tail.ts";

export interface FollowParts {
  readonly hub: Hub;
  readonly tail: LogTail;
  readonly log: Log;
  readonly histories: Histories;
  readonly followersMax: number;
}

const eventsPerPageMax = 1_000;
const runsPerFollowMax = 1_000;

/** A page of one run's events behind a cursor. */
export async function pageOfEvents(
  { histories, log }: Pick<FollowParts, "histories" | "log">,
  of: { tenant: TenantId; run: RunId },
  options: { readonly after?: string; readonly limit?: number },
): Promise<EventPage> {
  const { lanes } = log;
  const place = readPlace(options.after ?? "", lanes);
  const begun = place[laneOfShard(shardOf(of.run), lanes)] ?? { revision: 0, n: -1 };
  const limit = Math.min(Math.max(options.limit ?? 200, 1), eventsPerPageMax);
  const commits = await histories.read(of.tenant, of.run, { after: Math.max(0, begun.revision - 1), limit });
  const events: RunEventView[] = [];
  let last = begun;
  for (const { revision, parsed } of commits) {
    if (!parsed.ok) continue;
    for (const [n, event] of parsed.commit.events.entries()) {
      if (n < firstBehind(place, revision)) continue;
      if (events.length === limit) return { events, cursor: showEvent(last, lanes) };
      events.push({ run: of.run, revision, n, event });
      last = { revision, n };
    }
  }
  if (begun.revision === 0 && commits.length === 0) throw noSuchRun(of.run);
  return { events, cursor: showEvent(last, lanes) };
}

/**
 * See `EngineRuns.follow`: no event twice, none left out, whatever was written while the history was
 * read.
 */
export async function follow(parts: FollowParts, tenant: TenantId, options: FollowRuns): Promise<void> {
  const { hub, log } = parts;
  const runs = options.runs === "all" ? undefined : [...new Set(options.runs)];
  if (hub.listeners >= parts.followersMax) throw tooMany("follow_limit", parts.followersMax);
  if (runs !== undefined && runs.length > runsPerFollowMax)
    throw tooMany("runs_per_follow", runsPerFollowMax);
  const { after } = options;
  if (runs === undefined && after !== undefined && !isWhole(after, log.lanes)) throw positionNeeded();
  const fromNow = after === undefined && runs === undefined;
  const place = fromNow ? behind(hub.position) : readPlace(after ?? "", log.lanes);
  const follower = new Follower(options, runs, place);
  // What comes from here on waits until the stored part was sent; both meet exactly at `until`.
  const until = hub.position;
  const stop = hub.listen({ tenant, runs, onRecord: (record) => follower.live(record) });
  try {
    if (runs !== undefined) await sendHistories(parts, follower, { tenant, runs, until });
    else if (!fromNow) await sendTail(parts, follower, { tenant, until });
    follower.goLive();
    await follower.done;
  } finally {
    stop();
  }
}

type Meeting = { readonly tenant: TenantId; readonly until: Position };

async function sendHistories(parts: FollowParts, to: Follower, of: Meeting & { runs: readonly RunId[] }) {
  const stored: { run: RunId; commit: StoredCommit }[] = [];
  const ended: RunId[] = [];
  for (const run of of.runs) {
    const commits = await storedOf(parts, to, { tenant: of.tenant, run });
    for (const commit of commits) {
      if (!covers(of.until, commit.revision)) break;
      stored.push({ run, commit });
      if (commit.parsed.ok && commit.parsed.commit.events.some(isEnd)) ended.push(run);
    }
  }
  for (const { run, commit } of inOrder(stored, parts.log.lanes))
    to.send({ run, revision: commit.revision, parsed: commit.parsed });
  // Also the ends that lie before the cursor: nothing of those runs will come.
  for (const run of ended) to.ended(run);
}

/** By revision within each lane; lanes, which nothing orders, by the time of their commits. */
function inOrder<T extends { readonly commit: StoredCommit }>(stored: readonly T[], lanes: number): T[] {
  const sorted = stored.toSorted((a, b) => a.commit.revision - b.commit.revision);
  if (lanes === 1) return sorted;
  const newest = [...startOf(lanes)];
  const timed = sorted.map((one) => {
    const lane = laneOf(one.commit.revision, lanes);
    // A clock that was set back must not turn a lane round.
    const atMs = Math.max(newest[lane] ?? 0, one.commit.atMs);
    newest[lane] = atMs;
    return { one, atMs };
  });
  return timed.toSorted((a, b) => a.atMs - b.atMs).map(({ one }) => one);
}

/** From the cursor's commit on; a run that has nothing there is read whole, for it may have ended before. */
async function storedOf(parts: FollowParts, to: Follower, of: { tenant: TenantId; run: RunId }) {
  const after = readFrom(to.place)[laneOfShard(shardOf(of.run), parts.log.lanes)] ?? 0;
  const commits = await parts.histories.read(of.tenant, of.run, { after });
  return commits.length > 0 || after === 0 ? commits : parts.histories.read(of.tenant, of.run);
}

async function sendTail(parts: FollowParts, to: Follower, of: Meeting): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, to.signal]);
  const after = readFrom(to.place);
  // A lane's newest record may have left the log since it was handed out, and no other may come.
  const until = lower(of.until, await parts.log.heads());
  if (reaches(after, until)) return;
  await parts.tail.read(
    after,
    (records, upTo) => {
      for (const record of records) {
        if (record.tenant === of.tenant && covers(of.until, record.revision)) to.send(record);
      }
      if (reaches(upTo, until)) stop.abort();
    },
    signal,
  );
}

type Sendable = Pick<LogRecordOfRun, "run" | "revision" | "parsed">;

class Follower {
  readonly place: EventPlace;
  /** With several lanes: how far it is in each, for cursors. */
  private readonly here: LanePlace[];
  readonly signal: AbortSignal;
  readonly done: Promise<void>;
  private readonly options: FollowRuns;
  private readonly open: Set<RunId> | undefined;
  private waiting: Sendable[] | undefined = [];
  private finish: () => void = () => undefined;
  private over = false;

  constructor(options: FollowRuns, runs: readonly RunId[] | undefined, place: EventPlace) {
    this.options = options;
    this.place = place;
    this.here = [...place];
    this.signal = options.signal;
    this.open = runs === undefined ? undefined : new Set(runs);
    this.done = new Promise((resolve) => {
      this.finish = () => {
        this.over = true;
        options.signal.removeEventListener("abort", this.finish);
        resolve();
      };
    });
    if (options.signal.aborted) this.finish();
    else options.signal.addEventListener("abort", this.finish, { once: true });
  }

  live(record: Sendable): void {
    if (this.waiting === undefined) this.send(record);
    else this.waiting.push(record);
  }

  goLive(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const record of waiting) this.send(record);
  }

  send(record: Sendable): void {
    const { run, revision, parsed } = record;
    if (!parsed.ok) return;
    const { events } = parsed.commit;
    // Every commit of a busy installation passes here: one view an event and nothing else.
    let n = firstBehind(this.place, revision);
    if (n >= events.length) return;
    const cursorAt = this.here.length === 1 ? undefined : this.cursors(revision);
    for (const event of n === 0 ? events : events.slice(n)) {
      if (this.over) return;
      const at = n++;
      const cursor = (): string => cursorAt?.(at) ?? showEvent({ revision, n: at }, 1);
      this.options.onEvent({ run, revision, n: at, event }, cursor);
      if (isEnd(event)) this.ended(run);
    }
  }

  /** Cursors behind events of one commit, with the places that the other lanes have now. */
  private cursors(revision: Revision): (n: number) => string {
    const lane = laneOf(revision, this.here.length);
    const others = [...this.here];
    this.here[lane] = { revision, n: wholeCommit };
    return (n) => showPlace(others.with(lane, { revision, n }));
  }

  ended(run: RunId): void {
    if (this.open?.delete(run) && this.open.size === 0) this.finish();
  }
}

export function isEnd(event: RunEvent): event is RunCompleted | RunFailed | RunCancelled {
  return event.kind === "run_completed" || event.kind === "run_failed" || event.kind === "run_cancelled";
}

function tooMany(reason: string, max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `at most ${max} at once`, { reason, details: { max } });
}
