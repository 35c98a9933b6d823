/** One follower: what was stored first, then what comes, each record once, and where it is by now. */
import { laneOf, type Revision } from "@agentflow/bus";
import type {
  LiveMessage,
  RunCancelled,
  RunCompleted,
  RunEvent,
  RunFailed,
  RunId,
  TenantId,
} from "@agentflow/protocol";
import type { FollowRuns } from "../engine-api.ts";
import { type EventPlace, firstBehind, type LanePlace, showEvent, showPlace, wholeCommit } from "./cursor.ts";
import { viewOf } from "./journals.ts";
import type { Listening, LiveRuns } from "./live/live-runs.ts";
import type { LogRecordOfRun } from "./log-tail.ts";
import type { TurnRecord } from "./turn-record.ts";

export type Sendable = Pick<LogRecordOfRun, "kind" | "run" | "revision" | "parsed"> | TurnRecord;

export class Follower {
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
  private readonly listening = new Map<RunId, Listening>();
  /** Runs of which it was not told something, because it was behind. */
  private readonly missed = new Set<RunId>();

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

  /** Whether it asked for journals, and what is told live. */
  get isLive(): boolean {
    return this.options.live !== undefined;
  }

  /** What comes from now on. */
  take(record: Sendable): void {
    if (this.waiting === undefined) this.send(record);
    else this.waiting.push(record);
  }

  /** Hears what is told live of its runs, which it is told once it has what was stored. */
  async listen(live: LiveRuns, tenant: TenantId): Promise<void> {
    if (this.options.live === undefined) return;
    const joined = [...(this.open ?? [])].map(async (run) => {
      this.listening.set(run, await live.join(tenant, run, (message) => this.heard(run, message)));
    });
    await Promise.all(joined);
  }

  /** Hears no more. */
  leave(): void {
    this.over = true;
    for (const [run, one] of this.listening) one.leave({ isEnded: this.open?.has(run) !== true });
  }

  goLive(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const record of waiting) this.send(record);
    for (const run of this.listening.keys()) this.soFar(run);
  }

  send(record: Sendable): void {
    if (record.kind === "turn") return this.sendTurn(record);
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

  ended(run: RunId): void {
    if (this.open?.delete(run) && this.open.size === 0) this.finish();
  }

  private sendTurn(record: TurnRecord): void {
    const { live } = this.options;
    const { revision } = record;
    if (live === undefined || this.over || firstBehind(this.place, revision) > 0) return;
    const view = viewOf(record);
    if (view === undefined) return;
    const place = { revision, n: wholeCommit };
    const cursorAt = this.here.length === 1 ? undefined : this.cursors(revision);
    live.onJournal(view, () => cursorAt?.(wholeCommit) ?? showEvent(place, 1));
  }

  private heard(run: RunId, message: LiveMessage): void {
    const { live } = this.options;
    if (live === undefined || this.waiting !== undefined || this.over) return;
    if (live.isBehind()) {
      this.missed.add(run);
      return;
    }
    // What was left out is in it, as far as it is still kept.
    if (this.missed.delete(run)) this.soFar(run);
    live.onLive({ run, live: message });
  }

  private soFar(run: RunId): void {
    for (const message of this.listening.get(run)?.soFar() ?? []) {
      if (this.over) return;
      this.options.live?.onLive({ run, live: message });
    }
  }

  /** Cursors behind events of one commit, with the places that the other lanes have now. */
  private cursors(revision: Revision): (n: number) => string {
    const lane = laneOf(revision, this.here.length);
    const others = [...this.here];
    this.here[lane] = { revision, n: wholeCommit };
    return (n) => showPlace(others.with(lane, { revision, n }));
  }
}

export function isEnd(event: RunEvent): event is RunCompleted | RunFailed | RunCancelled {
  return event.kind === "run_completed" || event.kind === "run_failed" || event.kind === "run_cancelled";
}
