import {
  covers,
  laneOf,
  laneOfShard,
  type Log,
  lower,
  type Position,
  reaches,
  startOf,
} from "@agentflow/bus";
import {
  AgentFlowError,
  type EventPage,
  type RunEventView,
  type RunId,
  type TenantId,
} from "@agentflow/protocol";
import type { FollowRuns } from "../engine-api.ts";
import type { Histories } from "../orchestrator/history.ts";
import { noSuchRun } from "../orchestrator/refusal.ts";
import { shardOf } from "../orchestrator/shard.ts";
import { behind, firstBehind, isWhole, positionNeeded, readFrom, readPlace, showEvent } from "./cursor.ts";
import { Follower, isEnd, type Sendable } from "./follower.ts";
import type { Hub } from "./hub.ts";
import type { Journals } from "./journals.ts";
import type { LiveRuns } from "./live/live-runs.ts";
import type { LogTail } from "./log-tail.ts";

export interface FollowParts {
  readonly hub: Hub;
  readonly tail: LogTail;
  readonly log: Log;
  readonly histories: Histories;
  readonly journals: Journals;
  readonly live: LiveRuns;
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
  if (runs === undefined && options.live !== undefined) throw liveOfAll();
  const { after } = options;
  if (runs === undefined && after !== undefined && !isWhole(after, log.lanes)) throw positionNeeded();
  const fromNow = after === undefined && runs === undefined;
  const place = fromNow ? behind(hub.position) : readPlace(after ?? "", log.lanes);
  const follower = new Follower(options, runs, place);
  // What comes from here on waits until the stored part was sent; both meet exactly at `until`.
  const until = hub.position;
  const stop = hub.listen({ tenant, runs, onRecord: (record) => follower.take(record) });
  try {
    await follower.listen(parts.live, tenant);
    if (runs !== undefined) await sendHistories(parts, follower, { tenant, runs, until });
    else if (!fromNow) await sendTail(parts, follower, { tenant, until });
    follower.goLive();
    await follower.done;
  } finally {
    stop();
    follower.leave();
  }
}

type Meeting = { readonly tenant: TenantId; readonly until: Position };

async function sendHistories(parts: FollowParts, to: Follower, of: Meeting & { runs: readonly RunId[] }) {
  const stored: Stored[] = [];
  const ended: RunId[] = [];
  for (const run of of.runs) {
    const ref = { tenant: of.tenant, run };
    // The journals first: what they lead to comes behind them, and must not be told before them.
    for (const turn of await turnsOf(parts, to, ref)) if (covers(of.until, turn.revision)) stored.push(turn);
    for (const commit of await storedOf(parts, to, ref)) {
      if (!covers(of.until, commit.revision)) break;
      stored.push({ kind: "commit", run, ...commit });
      if (commit.parsed.ok && commit.parsed.commit.events.some(isEnd)) ended.push(run);
    }
  }
  for (const record of inOrder(stored, parts.log.lanes)) to.send(record);
  // Also the ends that lie before the cursor: nothing of those runs will come.
  for (const run of ended) to.ended(run);
}

type Stored = Sendable & { readonly atMs: number };

/** By revision within each lane; lanes, which nothing orders, by the time of their commits. */
function inOrder(stored: readonly Stored[], lanes: number): Stored[] {
  const sorted = stored.toSorted((a, b) => a.revision - b.revision);
  if (lanes === 1) return sorted;
  const newest = [...startOf(lanes)];
  const timed = sorted.map((one) => {
    const lane = laneOf(one.revision, lanes);
    // A clock that was set back must not turn a lane round.
    const atMs = Math.max(newest[lane] ?? 0, one.atMs);
    newest[lane] = atMs;
    return { one, atMs };
  });
  return timed.toSorted((a, b) => a.atMs - b.atMs).map(({ one }) => one);
}

async function turnsOf(parts: FollowParts, to: Follower, of: { tenant: TenantId; run: RunId }) {
  if (!to.isLive) return [];
  const after = readFrom(to.place)[laneOfShard(shardOf(of.run), parts.log.lanes)] ?? 0;
  return parts.journals.journal(of.tenant, of.run, { after });
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

function liveOfAll(): AgentFlowError {
  return new AgentFlowError("invalid_input", "what agents tell live is told of named runs only", {
    reason: "runs_needed",
    suggestions: ["name the runs: runs=RUN,RUN"],
  });
}

function tooMany(reason: string, max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `at most ${max} at once`, { reason, details: { max } });
}
