import type { Shard } from "@agentflow/protocol";
import type { RunRef } from "../run-ref.ts";

interface Underway {
  readonly term: number;
  readonly sentUpTo: number;
}

/** Shards whose open runs are being taken up, and up to where their tasks are with the queue already. */
export class Recovery {
  private readonly underway = new Map<Shard, Underway>();

  begin(shard: Shard, of: Underway): void {
    this.underway.set(shard, of);
  }

  /** True while this holding of the shard is taken up; another holding of it is another matter. */
  is(shard: Shard, term: number): boolean {
    return this.underway.get(shard)?.term === term;
  }

  end(shard: Shard): void {
    this.underway.delete(shard);
  }

  /** True for a commit whose tasks the queue still holds. */
  wasSent({ shard }: RunRef, revision: number): boolean {
    const known = this.underway.get(shard);
    return known !== undefined && revision <= known.sentUpTo;
  }
}
