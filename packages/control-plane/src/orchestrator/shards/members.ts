import type { RowChange } from "@agentflow/bus";
import type { Clock } from "@agentflow/host/clock";
import { nodePrefix, type NodeRow, parseNodeRow } from "./parse-rows.ts";

export interface MembersParts {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** This process: its own life is not judged here. */
  readonly self: { readonly node: string; readonly life: string };
}

/** Another control plane as it was last seen. */
export interface Member {
  readonly row: NodeRow;
  readonly revision: number;
  /** When its row was last seen to change, by the clock of this machine that nobody sets. */
  changedMs: number;
  /** It changed before our eyes: only then is it more than a row that somebody dead may have left. */
  isProven: boolean;
}

const forgetMs = 3_600_000;
const pastMax = 10_000;

/**
 * The other control planes as their rows show them. A life is over when its row has not changed for a lease,
 * which only a view that is known to be fresh can tell: whoever was paused or cut off has seen no change
 * either. So the proof is a row of our own that we wrote a lease after the last change and that has come
 * back to us: whatever was written before it, we have seen.
 */
export class Members {
  private readonly parts: MembersParts;
  private readonly byNode = new Map<string, Member>();
  /** Lives that hold a shard and whose own row was not seen: since when they are known. */
  private readonly heard = new Map<string, number>();
  /** Lives that another one of the same node followed, or that were never heard of again. */
  private readonly past = new Set<string>();
  private freshMs = Number.NEGATIVE_INFINITY;
  private hasLooked = false;

  constructor(parts: MembersParts) {
    this.parts = parts;
  }

  /** All rows that were there when we came have been shown; those that come now are of the living. */
  looked(): void {
    this.hasLooked = true;
  }

  /** True when somebody came, left or changed its state. */
  changed({ key, value, revision }: RowChange): boolean {
    const node = key.slice(nodePrefix.length);
    if (node === this.parts.self.node) return false;
    const before = this.byNode.get(node);
    const row = value === undefined ? undefined : parseNodeRow(value);
    if (row === undefined) return this.byNode.delete(node);
    if (before?.revision === revision) return false;
    const wasAlive = before !== undefined && this.isAlive(node, before.row.life);
    const isSame = before?.row.life === row.life;
    if (before !== undefined && !isSame) this.bury(before.row.life);
    this.heard.delete(row.life);
    const isProven = before !== undefined || this.hasLooked;
    const isNews = !wasAlive || !isSame || before.row.state !== row.state || !before.isProven;
    this.byNode.set(node, { row, revision, changedMs: this.now(), isProven });
    return isNews;
  }

  /** A row says that this life holds a shard: it has a lease from now on to show itself. */
  heardOf(node: string, life: string): void {
    const isKnown = node === this.parts.self.node || this.byNode.get(node)?.row.life === life;
    if (!isKnown && !this.past.has(life) && !this.heard.has(life)) this.heard.set(life, this.now());
  }

  /** A row of ours that was written at `sentMs` came back. True when it shows that somebody is gone. */
  fresh(sentMs: number): boolean {
    const before = this.live().length;
    this.freshMs = Math.max(this.freshMs, sentMs);
    let isGone = this.live().length !== before;
    for (const [life, sinceMs] of this.heard) {
      if (this.freshMs - sinceMs <= this.parts.leaseMs) continue;
      this.heard.delete(life);
      this.bury(life);
      isGone = true;
    }
    return isGone;
  }

  /** We were away ourselves: everybody has a lease from now on to be heard of. */
  forgive(): void {
    const now = this.now();
    for (const member of this.byNode.values()) {
      member.changedMs = now;
      member.isProven = false;
    }
    for (const life of this.heard.keys()) this.heard.set(life, now);
  }

  isAlive(node: string, life: string): boolean {
    const { self, leaseMs } = this.parts;
    if (node === self.node) return life === self.life;
    const member = this.byNode.get(node);
    if (member?.row.life !== life) return this.heard.has(life);
    return member.row.state !== "left" && this.freshMs - member.changedMs <= leaseMs;
  }

  live(): NodeRow[] {
    return this.all().flatMap(({ row }) => (this.isAlive(row.node, row.life) ? [row] : []));
  }

  /** Those that were seen to live and mean to stay; never this one. */
  staying(): NodeRow[] {
    return this.live().filter(({ node, state }) => state === "here" && this.byNode.get(node)?.isProven);
  }

  /** Whoever was seen and not forgotten yet, the dead included. */
  all(): readonly Member[] {
    return [...this.byNode.values()];
  }

  /** When the next of those that live is over, if nothing more is heard of it; by our own clock. */
  nextEnd(): number | undefined {
    const since = [...this.heard.values()];
    for (const { row, changedMs } of this.byNode.values()) {
      if (this.isAlive(row.node, row.life)) since.push(changedMs);
    }
    return since.length === 0 ? undefined : Math.min(...since) + this.parts.leaseMs;
  }

  /** Rows that nobody has touched for so long that they may go. */
  forgotten(): readonly Member[] {
    const before = this.now() - forgetMs;
    return this.all().filter(({ row, changedMs }) => changedMs < before && !this.isAlive(row.node, row.life));
  }

  private bury(life: string): void {
    if (this.past.size >= pastMax) this.past.clear();
    this.past.add(life);
  }

  private now(): number {
    return this.parts.clock.monotonic();
  }
}
