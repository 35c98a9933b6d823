import type { TenantId } from "@agentflow/protocol";
import type { RunActor } from "./run-actor.ts";

/**
 * Runs in memory, bounded by number and by bytes; the one that was not touched for longest leaves first. A
 * run
 * with something in flight or waiting never leaves.
 */
export class HotRuns {
  private readonly actors = new Map<string, RunActor>();
  private readonly max: { readonly runs: number; readonly bytes: number };
  private total = 0;

  constructor(max: { readonly runs: number; readonly bytes: number }) {
    this.max = max;
  }

  get size(): number {
    return this.actors.size;
  }

  get bytes(): number {
    return this.total;
  }

  get(key: string): RunActor | undefined {
    return this.actors.get(key);
  }

  add(actor: RunActor): void {
    this.actors.set(actor.ref.key, actor);
    this.total += actor.bytes;
  }

  /** After it moved: to the young end, with what it weighs now. */
  touch(actor: RunActor, bytes: number): void {
    this.total += bytes - actor.bytes;
    actor.bytes = bytes;
    if (this.actors.delete(actor.ref.key)) this.actors.set(actor.ref.key, actor);
    if (this.actors.size > this.max.runs || this.total > this.max.bytes) this.evict();
  }

  remove(actor: RunActor): void {
    if (!this.actors.delete(actor.ref.key)) return;
    this.total -= actor.bytes;
  }

  sizeOf(tenant: TenantId): number {
    let sum = 0;
    for (const { ref } of this.actors.values()) if (ref.tenant === tenant) sum++;
    return sum;
  }

  all(): MapIterator<RunActor> {
    return this.actors.values();
  }

  private evict(): void {
    let looked = 0;
    for (const actor of this.actors.values()) {
      if (this.actors.size <= this.max.runs && this.total <= this.max.bytes) return;
      // Looks at a few only: busy runs are the young ones, and the next touch looks again.
      if (++looked > 64) return;
      if (!actor.busy && actor.waiting.length === 0) this.remove(actor);
    }
  }
}
