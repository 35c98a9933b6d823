import { laneOfShard, type Position, type Pushed, type Queue, startOf } from "@agentflow/bus";
import type { Stop, World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import {
  type DispatchTask,
  makeTaskId,
  type RunEvent,
  type Shard,
  type StepInstance,
  type StopTask,
  subjects,
  type TenantId,
} from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { EngineMetrics } from "../engine-metrics.ts";
import type { RunRef } from "../orchestrator/run-ref.ts";
import { envelope, itemKey } from "./envelope.ts";
import { type Item, Lane, type TaskContext } from "./lane.ts";
import { OpenTasks } from "./open-tasks.ts";
import { QueueRoom } from "./queue-room.ts";
import { Revokes } from "./revokes.ts";
import { ReleaseGroup, type ReleaseOptions, type Slots } from "./release.ts";

export interface DispatcherParts {
  readonly queue: Queue;
  readonly world: World;
  readonly slots: Slots;
  /** What of a pool falls to this owner. */
  readonly share: ReleaseOptions["share"];
  /** False while what waits here may be another owner's by now: it is not sent until that is known. */
  readonly isSure: () => boolean;
  readonly config: EngineConfig;
  readonly metrics: EngineMetrics;
  readonly say: Log;
}

export interface TaskToSend {
  readonly ref: RunRef;
  readonly command: DispatchTask;
  readonly context: TaskContext;
  readonly revision: number;
  /** Of the commit, or of the run's history where that is all that is known, shared by its tasks. */
  readonly bytes: number;
}

/**
 * Sends committed tasks to the queue, fairly and no more than workers can hold; the rest waits here, which is
 * to say in the log. Nothing comes here before its commit is durable.
 */
export class Dispatcher {
  private readonly parts: DispatcherParts;
  private readonly lanes = new Map<string, Lane>();
  private readonly groups = new Map<string, ReleaseGroup>();
  /** Open tasks by run, then by step and attempt. */
  private readonly byRun = new Map<string, Map<string, Item>>();
  private readonly open = new OpenTasks();
  private readonly revokes: Revokes;
  private order = 0;
  private scheduled = false;
  private pushing: Promise<void> | undefined;
  private retry: Stop | undefined;
  private stopped = false;

  constructor(parts: DispatcherParts) {
    this.parts = parts;
    this.revokes = new Revokes(parts);
  }

  add(task: TaskToSend): void {
    const item = this.item(task);
    if (item !== undefined) {
      item.lane.add(item);
      this.wake();
    }
  }

  /** A task that the queue holds already, as a watermark told. */
  adopt(task: TaskToSend): void {
    const item = this.item(task);
    if (item === undefined) return;
    item.lane.adopt(item);
  }

  /** Whether the tenant has so much open here that no run of it should begin. */
  isFull(tenant: TenantId): boolean {
    return this.open.isFull(tenant, this.parts.config);
  }

  has(ref: RunRef): boolean {
    return this.byRun.has(ref.key);
  }

  /** Where an open task of a run stands. */
  find(ref: RunRef, step: string, attempt: number): Item | undefined {
    return this.byRun.get(ref.key)?.get(itemKey(step, attempt));
  }

  stopTask(ref: RunRef, command: StopTask): void {
    this.revokes.add(makeTaskId({ ...ref, input: command.input, n: command.n }));
    this.remove(ref, command.step, command.attempt);
  }

  /** An event of a commit that is durable: ends of attempts make room. */
  onEvent(ref: RunRef, event: RunEvent): void {
    switch (event.kind) {
      case "step_succeeded":
        if (event.attempt !== undefined) this.remove(ref, event.step, event.attempt);
        return;
      case "attempt_failed":
      case "attempt_lost":
      case "step_unknown":
      case "step_suspended":
        return this.remove(ref, event.step, event.attempt);
      case "run_completed":
      case "run_failed":
      case "run_cancelled":
        return this.runEnded(ref);
      default:
        return;
    }
  }

  /** A run that ended takes its open tasks with it. */
  runEnded(ref: RunRef): void {
    const items = this.byRun.get(ref.key);
    if (items === undefined) return;
    this.byRun.delete(ref.key);
    for (const item of items.values()) {
      if (item.state !== "waiting") this.revokes.add(item.id);
      this.free(item);
    }
  }

  /** The run was read again: tasks whose attempts ended meanwhile are forgotten. */
  keepOnly(ref: RunRef, open: readonly DispatchTask[]): void {
    const items = this.byRun.get(ref.key);
    if (items === undefined) return;
    const kept = new Set(open.map(({ step, attempt }) => itemKey(step, attempt)));
    for (const [key, { command }] of items) {
      if (!kept.has(key)) this.remove(ref, command.step, command.attempt);
    }
  }

  /** These shards are another owner's: their tasks are forgotten, and stay with the queue. */
  drop(shards: ReadonlySet<Shard>): void {
    for (const [key, items] of this.byRun) {
      const [first] = items.values();
      if (first === undefined || !shards.has(first.ref.shard)) continue;
      this.byRun.delete(key);
      for (const item of items.values()) {
        this.free(item);
        item.state = "left";
      }
    }
  }

  /** Resolves once what was released up to now is with the queue, or was refused by it. */
  async pushed(): Promise<void> {
    await this.pushing;
  }

  /** Tasks that wait or are out, by pool and build. */
  demand(): { readonly [group: string]: number } {
    const busy = [...this.groups].filter(([, group]) => group.demand > 0).slice(0, demandGroupsMax);
    return Object.fromEntries(busy.map(([key, group]) => [key, group.demand]));
  }

  /** Workers or other owners came or went: what waits may go now. */
  slotsChanged(): void {
    this.wake();
  }

  /** The queue may have lost what it held: everything that was sent is sent again, under the same ids. */
  sendAgain(sentBeforeMs: number): readonly Item[] {
    const again: Item[] = [];
    for (const items of this.byRun.values()) {
      for (const item of items.values()) {
        if (item.state !== "sent" || item.sentMs > sentBeforeMs) continue;
        item.lane.giveBack(item);
        again.push(item);
      }
    }
    if (again.length > 0) this.wake();
    return again;
  }

  /** As `sendAgain`, for all that was sent of one run. */
  sendAgainOf(ref: RunRef): void {
    for (const item of this.byRun.get(ref.key)?.values() ?? []) {
      if (item.state === "sent") item.lane.giveBack(item);
    }
    this.wake();
  }

  /** The longest that a task has waited here, by pool, of one tenant or of all. */
  oldestWaits(tenant: TenantId | undefined): ReadonlyMap<string, number> {
    const now = this.parts.world.clock.now();
    const oldest = new Map<string, number>();
    for (const items of this.byRun.values()) {
      for (const { state, lane, sinceMs } of items.values()) {
        if (state !== "waiting" || (tenant !== undefined && lane.tenant !== tenant)) continue;
        oldest.set(lane.pool, Math.max(oldest.get(lane.pool) ?? 0, now - sinceMs));
      }
    }
    return oldest;
  }

  /** The places, from 1, of a run's tasks that are not released yet. */
  backlogOf(ref: RunRef): ReadonlyMap<StepInstance, number> {
    const all = [...(this.byRun.get(ref.key)?.values() ?? [])];
    // As many as are explained one by one.
    const own = all.filter(({ state }) => state === "waiting").slice(0, placesMax);
    const places = new Map<StepInstance, number>();
    if (own.length === 0) return places;
    const before = new Map(own.map((item) => [item, 1]));
    for (const items of this.byRun.values()) {
      for (const { state, lane, order } of items.values()) {
        if (state !== "waiting") continue;
        for (const item of own) {
          if (item.lane === lane && order < item.order) before.set(item, (before.get(item) ?? 1) + 1);
        }
      }
    }
    for (const [item, place] of before) places.set(item.command.step, place);
    return places;
  }

  depths(): readonly { lane: Lane; slots: number }[] {
    return [...this.lanes.values()].map((lane) => ({ lane, slots: this.parts.slots.ofLane(lane) }));
  }

  get waiting(): number {
    let sum = 0;
    for (const lane of this.lanes.values()) sum += lane.waiting;
    return sum;
  }

  get outstanding(): number {
    let sum = 0;
    for (const lane of this.lanes.values()) sum += lane.outstanding;
    return sum;
  }

  /** How much of `upTo` holds when every command of the commits up to there has to be sent. */
  sentUpTo(upTo: Position): Position {
    if (!this.revokes.isEmpty) return startOf(upTo.length);
    const sent = [...upTo];
    for (const items of this.byRun.values()) {
      for (const { state, revision, ref } of items.values()) {
        if (state === "sent") continue;
        const lane = laneOfShard(ref.shard, sent.length);
        sent[lane] = Math.min(sent[lane] ?? 0, Math.max(0, revision - 1));
      }
    }
    return sent;
  }

  /** Resolves once what was released is with the queue, or was refused by it. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.();
    await this.pushing;
    await this.revokes.stop();
  }

  private item({ ref, command, context, revision, bytes }: TaskToSend): Item | undefined {
    const key = itemKey(command.step, command.attempt);
    const items = this.byRun.get(ref.key);
    if (items?.has(key)) return undefined;
    const item: Item = {
      ref,
      id: makeTaskId({ tenant: ref.tenant, run: ref.run, input: command.input, n: command.n }),
      command,
      context,
      lane: this.lane(ref, command, context),
      revision,
      bytes,
      order: this.order++,
      sinceMs: this.parts.world.clock.now(),
      state: "waiting",
      sentMs: 0,
    };
    if (items === undefined) this.byRun.set(ref.key, new Map([[key, item]]));
    else items.set(key, item);
    this.open.add(item);
    return item;
  }

  private remove(ref: RunRef, step: string, attempt: number): void {
    const items = this.byRun.get(ref.key);
    const key = itemKey(step, attempt);
    const item = items?.get(key);
    if (items === undefined || item === undefined) return;
    items.delete(key);
    if (items.size === 0) this.byRun.delete(ref.key);
    this.free(item);
  }

  private free(item: Item): void {
    this.open.remove(item);
    item.lane.remove(item);
    // Also another lane: a tenant has one room with the queue for all of its own. Whether anything waits is
    // asked once a turn: there are as many lanes as pools that somebody ever named.
    this.wake();
  }

  private lane({ tenant }: RunRef, { pool }: DispatchTask, { build }: TaskContext): Lane {
    const subject = subjects.task({ tenant, pool, build });
    const known = this.lanes.get(subject);
    if (known !== undefined) return known;
    const lane = new Lane({ tenant, pool, build, subject });
    this.lanes.set(subject, lane);
    const groupKey = `${pool} ${build}`;
    const group = this.groups.get(groupKey) ?? new ReleaseGroup();
    this.groups.set(groupKey, group);
    group.lanes.push(lane);
    return lane;
  }

  /** Once a turn: what one turn brought goes to the queue in one push. */
  private wake(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  private turn(): void {
    if ((this.pushing ?? this.retry) !== undefined || this.stopped || this.waiting === 0) return;
    if (!this.parts.isSure()) return this.retryLater();
    const items: Item[] = [];
    const { slots, share, config } = this.parts;
    const room = new QueueRoom(this.lanes.values(), config);
    const options = { slots, share, room, withoutWorkers: config.releaseWithoutWorkers, max: config.pushMax };
    for (const group of this.groups.values()) group.release(options, items);
    if (items.length > 0) this.push(items);
  }

  private push(items: readonly Item[]): void {
    const { queue, world } = this.parts;
    const now = world.clock.now();
    for (const item of items) item.sentMs = now;
    this.pushing = queue
      .push(items.map((item) => envelope(item, now)))
      .then(
        (answers) => this.answered(items, answers),
        (error: unknown) => this.notPushed(items, error),
      )
      .finally(() => {
        this.pushing = undefined;
        this.wake();
      });
  }

  private answered(items: readonly Item[], answers: readonly Pushed[]): void {
    const { metrics } = this.parts;
    let full = 0;
    for (const [index, item] of items.entries()) {
      const pushed = answers[index]?.ok === true;
      if (item.state === "left") continue;
      if (item.state === "gone") {
        // Its attempt ended while it was on its way: it must not be worked on.
        if (pushed) this.revokes.add(item.id);
      } else if (pushed) {
        item.state = "sent";
        metrics.dispatchWaitMs.observe(item.sentMs - item.sinceMs);
      } else {
        item.lane.giveBack(item);
        full++;
      }
    }
    if (full === 0) return;
    metrics.queueFull.add(full);
    this.retryLater();
  }

  private notPushed(items: readonly Item[], error: unknown): void {
    this.parts.say.warn("the queue did not take tasks; trying again", { error, tasks: items.length });
    for (const item of items) {
      // It may be there after all: the next push under the same id then changes nothing.
      if (item.state === "pushing") item.lane.giveBack(item);
      else if (item.state === "gone") this.revokes.add(item.id);
    }
    this.retryLater();
  }

  private retryLater(): void {
    if (this.stopped) return;
    this.retry ??= this.parts.world.timers.after(this.parts.config.pushRetryMs, () => {
      this.retry = undefined;
      this.wake();
    });
  }
}

const placesMax = 50;
const demandGroupsMax = 200;
