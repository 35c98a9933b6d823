import type { RowChange } from "@agentflow/bus";
import { sleep, type Stop } from "@agentflow/host/clock";
import { AgentFlowError, instant, parseId, type Shard } from "@agentflow/protocol";
import { addUp, shareOf } from "../../dispatcher/share.ts";
import { allShards, choresShard } from "../shard.ts";
import type { Ownership, OwnershipView } from "../ownership.ts";
import { forgetNodes } from "./forget-nodes.ts";
import { FreeShards } from "./free-shards.ts";
import type { LeasesParts, TakenShard } from "./lease-parts.ts";
import { Members } from "./members.ts";
import { OwnerRows } from "./owner-rows.ts";
import { nodePrefix, type NodeRow, ownerPrefix, type OwnerRow, type SentMark } from "./parse-rows.ts";
import { type LeaseStanding, Presence } from "./presence.ts";
import { planShards } from "./shard-plan.ts";
import { viewOf } from "./view.ts";

interface Heir {
  readonly node: string;
  readonly life: string;
  readonly sent?: SentMark | undefined;
}

const shards = allShards.map((shard) => parseId("shard", shard));
const againMs = 200;
const tellMs = 250;
const nodeName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/**
 * Shards shared by several control planes. Each holds a lease by its node's row and its fair share of the
 * shards by their owner rows; both are watched, so whatever changes is acted on at once.
 */
export class Leases implements Ownership {
  readonly name: string;
  private readonly parts: LeasesParts;
  private readonly life: string;
  private readonly presence: Presence;
  private readonly members: Members;
  private readonly rows: OwnerRows;
  private readonly held = new Map<Shard, number>();
  private readonly stopped = new AbortController();
  private watching: Promise<unknown> = Promise.resolve();
  private acting: Promise<void> = Promise.resolve();
  private isActing = false;
  private actAgain = false;
  private leaving = false;
  private wasAway = false;
  private isPermitted = false;
  private peers: readonly NodeRow[] = [];
  private stopProbe: Stop | undefined;
  private readonly free: FreeShards;

  constructor(parts: LeasesParts) {
    const { node, world, leaseMs, version } = parts;
    if (!nodeName.test(node)) throw badName(node);
    this.parts = parts;
    this.name = node;
    this.life = Buffer.from(world.random.bytes(8)).toString("hex");
    const self = { node, life: this.life, version };
    this.members = new Members({ clock: world.clock, leaseMs, self });
    this.rows = new OwnerRows(parts.table);
    this.free = new FreeShards(world, () => this.act());
    this.presence = new Presence({
      ...parts,
      self,
      onHeld: () => this.act(),
      onLost: () => this.loseAll(),
    });
  }

  owns(shard: Shard): boolean {
    return this.held.has(shard);
  }

  get shards(): readonly Shard[] {
    return [...this.held.keys()];
  }

  get standing(): LeaseStanding {
    return this.presence.standing;
  }

  get trouble(): AgentFlowError | undefined {
    return this.presence.trouble;
  }

  get isSure(): boolean {
    return this.presence.isSure;
  }

  async check(): Promise<void> {
    if (this.standing !== "held") throw this.trouble ?? notHeld(this.standing);
  }

  share(group: string, of: { readonly own: number; readonly total: number }): number {
    if (of.own > of.total && this.peers.length > 0) this.tellOfBacklog(group);
    return shareOf({ ...of, node: this.name, others: this.peers, group });
  }

  othersDemand(): NodeRow["demand"] {
    return addUp(this.peers.filter(({ node }) => node !== this.name).map(({ demand }) => demand));
  }

  view(): OwnershipView {
    const { rows, members, presence, parts } = this;
    return viewOf({ shards, rows, members, self: presence.current(), clock: parts.world.clock });
  }

  /** From now on the others are seen, so that those who died are known when the time to act has come. */
  async look(): Promise<void> {
    const { table } = this.parts;
    for (const row of await table.list(nodePrefix)) this.members.changed(row);
    for (const row of await table.list(ownerPrefix)) this.ownerChanged(row);
    this.members.looked();
    this.watching = Promise.all([
      this.watch(nodePrefix, (change) => this.nodeChanged(change)),
      this.watch(ownerPrefix, (change) => this.ownerChanged(change)),
    ]);
  }

  async start(): Promise<void> {
    // First without being seen, for whoever is refused has no part in it; then seen by all who look.
    await this.parts.permit();
    await this.presence.start();
    // One that waits for its installation is not seen yet: what it is told now says nothing of later.
    if (this.standing === "held") await this.permit();
    else this.wasAway = true;
    this.act();
    await this.acting;
  }

  async leave(): Promise<void> {
    if (this.leaving) return;
    this.leaving = true;
    await this.presence.tell("leaving");
    await this.acting;
    const heirs = this.plan(false);
    if (heirs.size === 0) return;
    try {
      await this.give(new Map([...this.held.keys()].map((shard) => [shard, heirs.get(shard)])));
    } catch (error) {
      // Our row will say that we left: then they are free for everybody.
      this.parts.say.warn("shards could not be handed over", { error });
    }
  }

  async release(): Promise<void> {
    this.leaving = true;
    await this.acting;
    // Whoever reads that we left may take them in the same moment.
    this.lose([...this.held.keys()]);
    if (this.presence.standing === "held") await this.presence.tell("left");
    this.stopped.abort();
    this.stopProbe?.();
    this.free.stop();
    this.presence.stop();
    await this.watching;
  }

  /** A pool is full and the others believe that we have nothing for it: they hear of it before their turn. */
  private tellOfBacklog(group: string): void {
    const { presence, parts } = this;
    const isQuiet = parts.world.clock.monotonic() - presence.lastSentMs >= tellMs;
    if ((presence.told[group] ?? 0) === 0 && isQuiet) presence.renew();
  }

  private nodeChanged(change: RowChange): void {
    const sentMs = this.presence.echo(change);
    const isOther = sentMs === undefined ? this.members.changed(change) : this.members.fresh(sentMs);
    this.peers = this.members.live();
    this.armProbe();
    if (sentMs === undefined) this.parts.onPeers();
    if (isOther || this.hasUnserved()) this.act();
    if (sentMs !== undefined && this.owns(choresShard)) this.sweep();
  }

  /** Ours by their rows and served by nobody: what was to be given went no further, or was not taken. */
  private hasUnserved(): boolean {
    return !this.isActing && shards.some((shard) => this.isMine(shard) && !this.held.has(shard));
  }

  private sweep(): void {
    forgetNodes(this.parts.table, this.members).catch((error: unknown) => {
      this.parts.say.debug("rows of control planes that are gone were not removed", { error });
    });
  }

  private ownerChanged(change: RowChange): void {
    const shard = this.rows.changed(change);
    if (shard === undefined) return;
    this.heardOf(shard);
    if (this.held.has(shard) && !this.isMine(shard)) this.lose([shard]);
    this.act();
  }

  private isMine(shard: Shard): boolean {
    const row = this.rows.get(shard);
    return row?.owner === this.name && row.life === this.life;
  }

  private isFree(shard: Shard): boolean {
    const row = this.rows.get(shard);
    return row === undefined || !this.members.isAlive(row.owner, row.life);
  }

  /** Our own renewal is the question whether somebody is gone: asked when its lease would be over. */
  private armProbe(): void {
    const { clock, timers } = this.parts.world;
    const endMs = this.members.nextEnd();
    if (this.stopProbe !== undefined || endMs === undefined || this.stopped.signal.aborted) return;
    // Asked already: the answer comes back by the watch, or the next renewal asks again.
    if (this.presence.lastSentMs > endMs) return;
    const probe = (): void => {
      this.stopProbe = undefined;
      const nextMs = this.members.nextEnd();
      if (nextMs !== undefined && nextMs < clock.monotonic()) this.presence.renew();
      else this.armProbe();
    };
    this.stopProbe = timers.after(Math.max(0, endMs - clock.monotonic()) + 1, probe, { background: true });
  }

  /** One look and what follows from it at a time; whatever changes meanwhile is looked at next. */
  private act(): void {
    this.actAgain = true;
    if (this.isActing) return;
    this.isActing = true;
    this.acting = this.actAll();
  }

  private async actAll(): Promise<void> {
    const { say, world } = this.parts;
    while (this.actAgain && !this.stopped.signal.aborted) {
      this.actAgain = false;
      try {
        if (this.wasAway && this.standing === "held") await this.lookAround();
        if (this.canAct()) await this.claim();
        if (this.canAct()) await this.rebalance();
      } catch (error) {
        say.warn("shards could not be taken or given; trying again", { error });
        this.actAgain = true;
        // What was refused is so for longer than a hiccup.
        const isRefused = AgentFlowError.is(error) && error.code === "refused";
        await sleep(world.timers, isRefused ? this.parts.leaseMs : againMs, this.stopped.signal);
      }
    }
    this.isActing = false;
  }

  /** After a lost lease: what the watches have not told yet, so that nobody's shards are taken for ours. */
  private async lookAround(): Promise<void> {
    this.wasAway = false;
    try {
      for (const row of await this.parts.table.list(ownerPrefix)) this.ownerChanged(row);
      await this.permit();
    } catch (error) {
      this.wasAway = true;
      throw error;
    }
  }

  /** Holds until the lease is lost, also when that is while it is asked for. */
  private async permit(): Promise<void> {
    await this.parts.permit();
    this.isPermitted = this.standing === "held" && !this.wasAway;
  }

  private canAct(): boolean {
    return this.presence.standing === "held" && this.isPermitted && !this.leaving;
  }

  private plan(withSelf: boolean): ReadonlyMap<Shard, string> {
    const others = this.members.staying().map(({ node }) => node);
    const nodes = withSelf ? [this.name, ...others] : others;
    const holderOf = (shard: Shard): string | undefined =>
      this.isFree(shard) ? undefined : this.rows.get(shard)?.owner;
    return planShards({ shards, nodes, holderOf });
  }

  /** What is free and falls to us, and what was handed to us. */
  private async claim(): Promise<void> {
    const plan = this.plan(true);
    const free = shards.filter((shard) => this.isFree(shard));
    this.free.look(free);
    const wanted = free.filter((shard) => plan.get(shard) === this.name || this.free.isNeglected(shard));
    const self = { node: this.name, life: this.life };
    const puts = wanted.map((shard) => this.put(shard, self));
    const failed = (await Promise.allSettled(puts)).find((one) => one.status === "rejected");
    await this.take();
    if (failed !== undefined) throw failed.reason;
  }

  private async take(): Promise<void> {
    const { hands, metrics } = this.parts;
    const mine = shards.filter((shard) => this.isMine(shard) && !this.held.has(shard));
    if (mine.length === 0) return;
    const found = mine.flatMap((shard) => this.taken(shard) ?? []);
    await hands.prepare(found);
    // What was lost while that was asked is not served.
    const taken = found.filter(({ shard, term }) => this.taken(shard)?.term === term && this.canAct());
    for (const { shard, term } of taken) this.held.set(shard, term);
    metrics.shardTakeovers.add(taken.length);
    await hands.serve(taken);
  }

  private taken(shard: Shard): TakenShard | undefined {
    const row = this.rows.get(shard);
    return row === undefined || !this.isMine(shard) ? undefined : { shard, term: this.rows.term(shard), row };
  }

  private async rebalance(): Promise<void> {
    const plan = this.plan(true);
    const gives = new Map<Shard, string | undefined>();
    for (const shard of this.held.keys()) {
      const heir = plan.get(shard);
      if (heir !== undefined && heir !== this.name) gives.set(shard, heir);
    }
    if (gives.size > 0) await this.give(gives);
  }

  private async give(heirs: ReadonlyMap<Shard, string | undefined>): Promise<void> {
    const { hands, say } = this.parts;
    const given = new Set(heirs.keys());
    for (const shard of given) this.held.delete(shard);
    const sent = await hands.giveUp(given);
    const nodes = new Map(this.members.live().map((row) => [row.node, row]));
    const puts = [...heirs].map(async ([shard, heir]) => {
      const to = heir === undefined ? undefined : nodes.get(heir);
      // An heir that went meanwhile: the row stays as it is, and the next look finds another.
      if (to !== undefined && this.isMine(shard)) await this.put(shard, { ...to, sent: sent.get(shard) });
    });
    await Promise.all(puts);
    say.info("shards handed over", { shards: given.size, held: this.held.size });
  }

  private async put(shard: Shard, to: Heir): Promise<void> {
    await this.rows.put(shard, this.rowFor(shard, to));
    this.heardOf(shard);
  }

  private heardOf(shard: Shard): void {
    const row = this.rows.get(shard);
    if (row !== undefined) this.members.heardOf(row.owner, row.life);
  }

  private rowFor(shard: Shard, to: Heir): OwnerRow {
    const before = this.rows.get(shard);
    const since = instant(this.parts.world.clock.now());
    const was = before === undefined ? {} : { was: { node: before.owner, term: this.rows.term(shard) } };
    const sent = to.sent === undefined ? {} : { sent: to.sent };
    return { v: 1, owner: to.node, life: to.life, since, ...was, ...sent };
  }

  private loseAll(): void {
    this.wasAway = true;
    this.isPermitted = false;
    this.members.forgive();
    this.parts.metrics.leasesLost.add();
    this.lose([...this.held.keys()]);
  }

  private lose(lost: readonly Shard[]): void {
    for (const shard of lost) this.held.delete(shard);
    if (lost.length > 0) this.parts.hands.drop(new Set(lost));
  }

  private async watch(prefix: string, onChange: (change: RowChange) => void): Promise<void> {
    const { table, world, say } = this.parts;
    const { signal } = this.stopped;
    while (!signal.aborted) {
      try {
        for await (const changes of table.watch(prefix, signal)) for (const one of changes) onChange(one);
      } catch (error) {
        say.debug("watching control planes failed; trying again", { error });
        await sleep(world.timers, againMs, signal);
      }
    }
  }
}

function notHeld(standing: LeaseStanding): AgentFlowError {
  return new AgentFlowError("unavailable", `the lease of this control plane is ${standing}`, {
    reason: `lease_${standing}`,
  });
}

function badName(node: string): AgentFlowError {
  return new AgentFlowError(
    "invalid_input",
    `${JSON.stringify(node.slice(0, 80))} cannot name a control plane`,
    {
      reason: "invalid_node",
      suggestions: [`a name matches ${nodeName.source}`],
    },
  );
}
