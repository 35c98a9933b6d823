/** The queue's one truth: which tasks there are, who holds them, who is next. */
import type { Subject } from "@agentflow/protocol";
import { deadLetter } from "../port/dead-letter.ts";
import type { PeekedTask, PeekOptions, Pushed, QueueDepth, QueuedTask } from "../port/index.ts";
import { isCurrent, type Item, type Lease, type Taker } from "./lease.ts";
import type { Weather } from "./weather.ts";

export interface QueueOptions {
  readonly max: number;
  readonly epoch: string;
  readonly keepDead: (subject: Subject, body: string) => void;
}

export class QueueState {
  epoch: string;
  private readonly items = new Map<string, Item>();
  /** Oldest first; a task that was revoked meanwhile is skipped when its turn comes. */
  private readonly waiting = new Map<Subject, Item[]>();
  private readonly takers = new Map<Subject, Set<Taker>>();
  /** Tasks that a holder still works on and the queue does not know (yet). */
  private readonly claims = new Map<string, Taker>();
  private served = 0;
  private readonly weather: Weather;
  private readonly max: number;
  private readonly keepDead: QueueOptions["keepDead"];

  constructor(weather: Weather, options: QueueOptions) {
    this.weather = weather;
    this.max = options.max;
    this.epoch = options.epoch;
    this.keepDead = options.keepDead;
  }

  push(tasks: readonly QueuedTask[]): readonly Pushed[] {
    const answers = tasks.map((task) => this.add(task));
    for (const subject of new Set(tasks.map((task) => task.subject))) this.dispatch(subject);
    return answers;
  }

  enter(taker: Taker): void {
    for (const id of taker.options.resume ?? []) this.regain(id, taker);
    for (const subject of taker.options.subjects) {
      const takers = this.takers.get(subject) ?? new Set();
      this.takers.set(subject, takers.add(taker));
      this.dispatch(subject);
    }
  }

  /** The taker reads no more. `giveBack`: what it has not seen goes to others at once, uncounted. */
  leave(taker: Taker, giveBack: boolean): void {
    if (!taker.open) return;
    taker.open = false;
    for (const subject of taker.options.subjects) this.takers.get(subject)?.delete(taker);
    for (const id of taker.options.resume ?? []) {
      if (this.claims.get(id) === taker) this.claims.delete(id);
    }
    if (!giveBack) return;
    for (const lease of [...taker.held].filter((one) => !one.handed)) {
      lease.item.deliveries -= 1;
      this.giveBack(lease);
    }
  }

  reporting(lease: Lease): void {
    if (!isCurrent(lease) || lease.reporting) return;
    lease.reporting = true;
    this.dispatch(...lease.taker.options.subjects);
  }

  ack(lease: Lease): boolean {
    if (!isCurrent(lease)) return false;
    if (this.weather.happens(this.weather.nasty.repeatRate)) return this.giveBack(lease);
    return this.remove(lease);
  }

  release(lease: Lease, delayMs: number): boolean {
    if (!isCurrent(lease)) return false;
    if (delayMs <= 0) return this.giveBack(lease);
    this.unhold(lease);
    this.weather.world.timers.after(delayMs, () => this.wait(lease.item));
    this.dispatch(...lease.taker.options.subjects);
    return true;
  }

  extend(lease: Lease): boolean {
    if (!isCurrent(lease)) return false;
    lease.until = this.weather.now() + lease.taker.options.leaseMs;
    return true;
  }

  bury(lease: Lease, reason: string): boolean {
    if (!isCurrent(lease)) return false;
    const { id, subject, body, deliveries } = lease.item;
    const letter = deadLetter({ id, subject, body, deliveries, reason });
    this.keepDead(letter.subject, letter.body);
    return this.remove(lease);
  }

  revoke(ids: readonly string[]): void {
    for (const id of ids) {
      const item = this.items.get(id);
      this.items.delete(id);
      this.claims.delete(id);
      const lease = item?.lease;
      if (lease === undefined) continue;
      this.unhold(lease);
      // Who is cut off learns of it when the lease ends, not before.
      if (lease.taker.link.up) this.lose(lease);
      this.dispatch(...lease.taker.options.subjects);
    }
  }

  depth(): readonly QueueDepth[] {
    const bySubject = new Map<Subject, { waiting: number; leased: number }>();
    for (const item of this.items.values()) {
      const depth = bySubject.get(item.subject) ?? { waiting: 0, leased: 0 };
      if (item.lease === undefined) depth.waiting += 1;
      else depth.leased += 1;
      bySubject.set(item.subject, depth);
    }
    return [...bySubject].map(([subject, depth]) => ({ subject, ...depth }));
  }

  peek({ subject, limit }: PeekOptions): readonly PeekedTask[] {
    const found: PeekedTask[] = [];
    for (const { id, subject: own, body, deliveries, lease } of this.items.values()) {
      if (found.length === limit) break;
      if (own !== subject && !(subject.endsWith(".") && own.startsWith(subject))) continue;
      const held = lease === undefined ? {} : { holder: lease.taker.options.holder };
      found.push({
        id,
        subject: own,
        body,
        deliveries,
        state: lease === undefined ? "waiting" : "leased",
        ...held,
      });
    }
    return found;
  }

  get size(): number {
    return this.items.size;
  }

  /** Hands a held task out once more, as if its lease had ended; its holder is not told. */
  repeat(id: string): boolean {
    const lease = this.items.get(id)?.lease;
    return lease !== undefined && this.giveBack(lease, "still running");
  }

  /** Everything is forgotten, as in a queue in memory whose process ended. */
  restart(epoch: string): void {
    this.epoch = epoch;
    for (const item of this.items.values()) {
      if (item.lease !== undefined) this.unhold(item.lease);
    }
    this.items.clear();
    this.waiting.clear();
  }

  /** Clients that were cut off take part again. */
  dispatchAll(): void {
    this.dispatch(...this.waiting.keys());
  }

  private add(task: QueuedTask): Pushed {
    if (this.items.has(task.id)) return { ok: true };
    if (this.items.size >= this.max) return { ok: false, reason: "full" };
    const item: Item = { ...task, deliveries: 0, lease: undefined };
    this.items.set(item.id, item);
    const claimant = this.claims.get(item.id);
    if (claimant?.open) this.regain(item.id, claimant);
    else this.line(item.subject).push(item);
    return { ok: true };
  }

  private regain(id: string, taker: Taker): void {
    const item = this.items.get(id);
    if (item === undefined) {
      this.claims.set(id, taker);
      return;
    }
    const before = item.lease;
    if (before !== undefined) {
      if (before.taker.options.holder !== taker.options.holder) return;
      before.stopTimer();
      this.unhold(before);
    }
    const line = this.line(item.subject);
    const place = line.indexOf(item);
    if (place >= 0) line.splice(place, 1);
    item.deliveries = Math.max(1, item.deliveries);
    this.hold(item, taker);
  }

  private dispatch(...subjects: readonly Subject[]): void {
    for (const subject of subjects) {
      for (let taker = this.nextTaker(subject); taker !== undefined; taker = this.nextTaker(subject)) {
        const item = this.nextItem(subject);
        if (item === undefined) break;
        item.deliveries += 1;
        this.hold(item, taker);
      }
    }
  }

  private nextTaker(subject: Subject): Taker | undefined {
    let best: Taker | undefined;
    for (const taker of this.takers.get(subject) ?? []) {
      if (!taker.link.up || !hasRoom(taker)) continue;
      const better = best === undefined || taker.held.size < best.held.size;
      const longer = taker.held.size === best?.held.size && taker.servedAt < best.servedAt;
      if (better || longer) best = taker;
    }
    return best;
  }

  private nextItem(subject: Subject): Item | undefined {
    const line = this.line(subject);
    while (line.length > 0) {
      const place = this.weather.pick(Math.min(this.weather.nasty.reorderWithin, line.length));
      const item = place === 0 ? line.shift() : line.splice(place, 1)[0];
      if (item !== undefined && this.items.get(item.id) === item && item.lease === undefined) return item;
    }
    return undefined;
  }

  private line(subject: Subject): Item[] {
    const known = this.waiting.get(subject);
    if (known !== undefined) return known;
    const made: Item[] = [];
    this.waiting.set(subject, made);
    return made;
  }

  private hold(item: Item, taker: Taker): void {
    const { weather } = this;
    const { leaseMs } = taker.options;
    const lease: Lease = {
      item,
      taker,
      lost: new AbortController(),
      delivery: item.deliveries,
      until: weather.now() + leaseMs,
      handed: false,
      reporting: false,
      stopTimer: () => undefined,
    };
    item.lease = lease;
    taker.held.add(lease);
    taker.servedAt = ++this.served;
    this.arm(lease);
    if (weather.happens(weather.nasty.repeatRate)) {
      weather.world.timers.after(weather.pick(leaseMs), () => this.giveBack(lease, "still running"));
    }
    weather.soon(() => {
      taker.inbox.push(lease);
      taker.bell.ring();
    });
  }

  /** One timer a lease; an extension only moves `until`. */
  private arm(lease: Lease): void {
    lease.stopTimer = this.weather.world.timers.after(lease.until - this.weather.now(), () => {
      if (lease.until > this.weather.now()) return this.arm(lease);
      this.giveBack(lease);
      lease.lost.abort();
    });
  }

  /** `still running`: the holder is left in the belief that it has it, until its own lease ends. */
  private giveBack(lease: Lease, holder?: "still running"): boolean {
    if (!isCurrent(lease)) return false;
    if (holder === undefined) lease.stopTimer();
    this.unhold(lease);
    this.wait(lease.item);
    this.dispatch(...lease.taker.options.subjects);
    return true;
  }

  private wait(item: Item): void {
    if (this.items.get(item.id) !== item || item.lease !== undefined) return;
    this.line(item.subject).push(item);
    this.dispatch(item.subject);
  }

  private remove(lease: Lease): boolean {
    this.items.delete(lease.item.id);
    lease.stopTimer();
    this.unhold(lease);
    this.dispatch(...lease.taker.options.subjects);
    return true;
  }

  private unhold(lease: Lease): void {
    lease.item.lease = undefined;
    lease.taker.held.delete(lease);
  }

  private lose(lease: Lease): void {
    lease.stopTimer();
    lease.lost.abort();
  }
}

function hasRoom({ held, options: { slots } }: Taker): boolean {
  let reporting = 0;
  for (const lease of held) if (lease.reporting) reporting++;
  return held.size - Math.min(reporting, slots) < slots;
}
