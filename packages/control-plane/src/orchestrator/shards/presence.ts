import type { Revision, RowChange, Table } from "@agentflow/bus";
import type { Stop, World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { AgentFlowError, instant } from "@agentflow/protocol";
import type { InstallationGuard } from "../../installation-guard.ts";
import { isStorageTrouble } from "../storage-trouble.ts";
import { nodePrefix, type NodeRow, type NodeState, parseNodeRow } from "./parse-rows.ts";

export interface PresenceParts {
  readonly table: Table;
  readonly world: World;
  readonly say: Log;
  readonly leaseMs: number;
  /** Asked before each sign of life: without its installation a control plane gives none. */
  readonly guard: Pick<InstallationGuard, "check" | "trouble">;
  readonly self: { readonly node: string; readonly life: string; readonly version: string };
  readonly demand: () => NodeRow["demand"];
  /** The lease is held: for the first time, or again. */
  readonly onHeld: () => void;
  /** Not renewed in time: what was held may be another's by now. */
  readonly onLost: () => void;
}

/** `displaced`: another process goes by the same name, and came later. */
export type LeaseStanding = "held" | "lost" | "displaced";

/** Beats that have not come back yet and may still do so. */
const beatsMax = 100;
const retryMs = 200;

/**
 * The row of this control plane, whose every change is a sign of life. The lease counts from before the write
 * was sent, so it ends here before anybody else can see it end; all by the clock that nobody sets.
 */
export class Presence {
  standing: LeaseStanding = "lost";
  /** The demand that the newest row told of. */
  told: NodeRow["demand"] = {};
  private readonly parts: PresenceParts;
  private readonly since: string;
  private readonly sent = new Map<number, number>();
  private state: NodeState = "here";
  private lastError: AgentFlowError | undefined;
  private beat = 0;
  private revision: Revision | "any" = "any";
  private sentMs = Number.NEGATIVE_INFINITY;
  /** When the lease ends that is held now. */
  private endMs = Number.NEGATIVE_INFINITY;
  private renewing: Promise<void> = Promise.resolve();
  private isRenewing = false;
  private isWanted = false;
  private isStopped = false;
  private stopTicks: Stop = () => undefined;
  private stopExpiry: Stop = () => undefined;
  private stopRetry: Stop = () => undefined;

  constructor(parts: PresenceParts) {
    this.parts = parts;
    this.since = instant(parts.world.clock.now());
  }

  /** Rejects when the first row cannot be written: whoever cannot be seen must not begin. */
  async start(): Promise<void> {
    await this.write().catch((error: unknown) => {
      if (this.parts.guard.trouble === undefined) throw error;
    });
    const { timers } = this.parts.world;
    this.stopTicks = timers.every(this.parts.leaseMs / 3, () => this.renew(), { background: true });
  }

  /** What the next row would say. */
  current(): NodeRow {
    return this.row(this.beat);
  }

  /** Why the lease is lost, where that is no matter of who reaches whom. */
  get trouble(): AgentFlowError | undefined {
    if (this.standing !== "lost") return undefined;
    return this.parts.guard.trouble ?? (isStorageTrouble(this.lastError) ? this.lastError : undefined);
  }

  /** The lease lasts, by the clock: its end may be overdue to be heard of. */
  get isSure(): boolean {
    return this.standing === "held" && this.parts.world.clock.monotonic() < this.endMs;
  }

  /** When the newest row was sent; by the clock that nobody sets. */
  get lastSentMs(): number {
    return this.sentMs;
  }

  /** Soon, and once more when one is on its way already. */
  renew(): void {
    this.isWanted = true;
    if (this.isRenewing) return;
    this.isRenewing = true;
    this.renewing = this.renewAll();
  }

  /** Tells the others how it stands. Resolves in any case: who cannot tell is missed after a lease. */
  async tell(state: NodeState): Promise<void> {
    this.state = state;
    this.renew();
    await this.renewing;
  }

  stop(): void {
    this.stopTicks();
    this.stopExpiry();
    this.stopRetry();
    this.isStopped = true;
    this.standing = "lost";
  }

  /** When the row that came back through a watch was sent; undefined for a row of somebody else. */
  echo({ key, value, revision }: RowChange): number | undefined {
    const { node, life } = this.parts.self;
    if (key !== `${nodePrefix}${node}` || value === undefined) return undefined;
    const row = parseNodeRow(value);
    if (row?.life !== life) {
      const isNewer = this.revision !== "any" && revision > this.revision;
      if (row !== undefined && isNewer) this.displaced();
      return undefined;
    }
    const sentMs = this.sent.get(row.beat);
    for (const beat of this.sent.keys()) if (beat <= row.beat) this.sent.delete(beat);
    return sentMs;
  }

  private async renewAll(): Promise<void> {
    while (this.isWanted && this.standing !== "displaced") {
      this.isWanted = false;
      try {
        await this.write();
      } catch (error) {
        this.lastError = AgentFlowError.from(error, "renewing the lease");
        if (this.parts.guard.trouble !== undefined) this.lost();
        this.renewSoon();
        this.parts.say.debug("the lease could not be renewed", { error });
      }
    }
    this.isRenewing = false;
  }

  /** A bus that was away for a moment must not cost the beat of it: three in a row are the lease. */
  private renewSoon(): void {
    if (this.isStopped) return;
    this.stopRetry();
    this.stopRetry = this.parts.world.timers.after(retryMs, () => this.renew(), { background: true });
  }

  private async write(): Promise<void> {
    const { table, world, self, guard } = this.parts;
    await guard.check();
    const sentMs = world.clock.monotonic();
    const row = this.row(++this.beat);
    this.sent.set(row.beat, sentMs);
    this.sent.delete(row.beat - beatsMax);
    this.sentMs = sentMs;
    this.told = row.demand;
    const key = `${nodePrefix}${self.node}`;
    const put = await table.put(key, JSON.stringify(row), { expect: this.revision });
    this.lastError = undefined;
    if (put.ok) {
      this.revision = put.revision;
      return this.held(sentMs);
    }
    const found = put.row === undefined ? undefined : parseNodeRow(put.row.value);
    if (found !== undefined && found.life !== self.life) return this.displaced();
    // Our own write whose answer was lost, or a row that was swept away while we slept.
    this.revision = put.row?.revision ?? 0;
    this.isWanted = true;
  }

  private row(beat: number): NodeRow {
    const { self, world, demand } = this.parts;
    const { node, life, version } = self;
    const seenAt = instant(world.clock.now());
    const { state, since } = this;
    return { v: 1, kind: "node", node, life, beat, state, since, seenAt, version, demand: demand() };
  }

  private held(sentMs: number): void {
    const { world, leaseMs } = this.parts;
    const leftMs = sentMs + leaseMs - world.clock.monotonic();
    // The answer took longer than the lease lasts.
    if (leftMs <= 0) return;
    this.endMs = sentMs + leaseMs;
    this.stopExpiry();
    this.stopExpiry = world.timers.after(leftMs, () => this.lost(), { background: true });
    if (this.standing === "held") return;
    this.standing = "held";
    this.parts.onHeld();
  }

  private lost(): void {
    if (this.standing !== "held") return;
    this.standing = "lost";
    const why = this.lastError === undefined ? {} : { error: this.lastError };
    this.parts.say.warn("the lease was not renewed in time: all shards are let go", why);
    this.parts.onLost();
  }

  private displaced(): void {
    const { node } = this.parts.self;
    if (this.standing === "displaced") return;
    this.stopExpiry();
    const wasHeld = this.standing === "held";
    this.standing = "displaced";
    const error = new AgentFlowError("conflict", `another control plane goes by the name ${node}`, {
      reason: "node_displaced",
      suggestions: ["give each control plane a name of its own, or stop this one"],
    });
    const next = error.suggestions;
    this.parts.say.error("this control plane was displaced and serves no shard any more", {
      node,
      next,
      error,
    });
    if (wasHeld) this.parts.onLost();
  }
}
