import type { Log } from "@agentflow/bus";
import {
  AgentFlowError,
  type EventPage,
  prefixes,
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
import { type EventPlace, readPlace, showPlace } from "./cursor.ts";
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
  histories: Histories,
  of: { tenant: TenantId; run: RunId },
  options: { readonly after?: string; readonly limit?: number },
): Promise<EventPage> {
  const place = readPlace(options.after ?? "");
  const limit = Math.min(Math.max(options.limit ?? 200, 1), eventsPerPageMax);
  const commits = await histories.read(of.tenant, of.run, { after: Math.max(0, place.revision - 1), limit });
  const events: RunEventView[] = [];
  let last: EventPlace = place;
  for (const { revision, parsed } of commits) {
    for (const [n, event] of eventsBehind(place, { revision, parsed })) {
      if (events.length === limit) return { events, cursor: showPlace(last) };
      events.push({ run: of.run, revision, n, event });
      last = { revision, n };
    }
  }
  if (place.revision === 0 && commits.length === 0) throw noSuchRun(of.run);
  return { events, cursor: showPlace(last) };
}

/**
 * See `EngineRuns.follow`: no event twice, none left out, whatever was written while the history was
 * read.
 */
export async function follow(parts: FollowParts, tenant: TenantId, options: FollowRuns): Promise<void> {
  const { hub } = parts;
  const runs = options.runs === "all" ? undefined : [...new Set(options.runs)];
  if (hub.listeners >= parts.followersMax) throw tooMany("follow_limit", parts.followersMax);
  if (runs !== undefined && runs.length > runsPerFollowMax)
    throw tooMany("runs_per_follow", runsPerFollowMax);
  const place =
    options.after === undefined && runs === undefined ? undefined : readPlace(options.after ?? "");
  const follower = new Follower(
    options,
    runs,
    place ?? { revision: hub.position, n: Number.MAX_SAFE_INTEGER },
  );
  // What comes from here on waits until the stored part was sent; both meet exactly at `until`.
  const until = hub.position;
  const stop = hub.listen({ tenant, runs, onRecord: (record) => follower.live(record) });
  try {
    if (runs !== undefined) await sendHistories(parts, follower, { tenant, runs, until });
    else if (place !== undefined && place.revision <= until)
      await sendTail(parts, follower, { tenant, until });
    follower.goLive();
    await follower.done;
  } finally {
    stop();
  }
}

type Meeting = { readonly tenant: TenantId; readonly until: number };

async function sendHistories(parts: FollowParts, to: Follower, of: Meeting & { runs: readonly RunId[] }) {
  const stored: { run: RunId; commit: StoredCommit }[] = [];
  const ended: RunId[] = [];
  for (const run of of.runs) {
    const commits = await storedOf(parts, to, { tenant: of.tenant, run });
    for (const commit of commits) {
      if (commit.revision > of.until) break;
      stored.push({ run, commit });
      if (commit.parsed.ok && commit.parsed.commit.events.some(isEnd)) ended.push(run);
    }
  }
  stored.sort((a, b) => a.commit.revision - b.commit.revision);
  for (const { run, commit } of stored) to.send({ run, revision: commit.revision, parsed: commit.parsed });
  // Also the ends that lie before the cursor: nothing of those runs will come.
  for (const run of ended) to.ended(run);
}

/** From the cursor's commit on; a run that has nothing there is read whole, for it may have ended before. */
async function storedOf(parts: FollowParts, to: Follower, of: { tenant: TenantId; run: RunId }) {
  const after = Math.max(0, to.place.revision - 1);
  const commits = await parts.histories.read(of.tenant, of.run, { after });
  return commits.length > 0 || after === 0 ? commits : parts.histories.read(of.tenant, of.run);
}

async function sendTail(parts: FollowParts, to: Follower, of: Meeting): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, to.signal]);
  const after = Math.max(0, to.place.revision - 1);
  if ((await parts.log.head(prefixes.log)) <= after) return;
  await parts.tail.read(
    after,
    (records, upTo) => {
      for (const record of records) {
        if (record.tenant === of.tenant && record.revision <= of.until) to.send(record);
      }
      if (upTo >= of.until) stop.abort();
    },
    signal,
  );
}

type Sendable = Pick<LogRecordOfRun, "run" | "revision" | "parsed">;

class Follower {
  readonly place: EventPlace;
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
    const { place } = this;
    if (!parsed.ok || revision < place.revision) return;
    // Every commit of a busy installation passes here: one view an event and nothing else.
    let n = revision > place.revision ? 0 : place.n + 1;
    for (const event of n === 0 ? parsed.commit.events : parsed.commit.events.slice(n)) {
      if (this.over) return;
      const at = n++;
      this.options.onEvent({ run, revision, n: at, event }, () => showPlace({ revision, n: at }));
      if (isEnd(event)) this.ended(run);
    }
  }

  ended(run: RunId): void {
    if (this.open?.delete(run) && this.open.size === 0) this.finish();
  }
}

function* eventsBehind(
  place: EventPlace,
  { revision, parsed }: Pick<Sendable, "revision" | "parsed">,
): Generator<[number, RunEvent]> {
  if (!parsed.ok || revision < place.revision) return;
  for (const [n, event] of parsed.commit.events.entries()) {
    if (revision > place.revision || n > place.n) yield [n, event];
  }
}

export function isEnd(event: RunEvent): event is RunCompleted | RunFailed | RunCancelled {
  return event.kind === "run_completed" || event.kind === "run_failed" || event.kind === "run_cancelled";
}

function tooMany(reason: string, max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `at most ${max} at once`, { reason, details: { max } });
}
