import { isOutcome } from "./run-end.ts";
import type { LogRecordOfRun } from "../projector/log-tail.ts";
import type { RunOutcome } from "./hand-on.ts";
import type { Ownership } from "./ownership.ts";
import { makeRunRef, type RunRef } from "./run-ref.ts";
import type { Waiters } from "./waiters.ts";

export interface ForeignParts {
  readonly waiters: Waiters<RunOutcome>;
  readonly owns: Ownership["owns"];
  /** A run of ours has a commit that we did not write. */
  readonly seen: (ref: RunRef, revision: number) => void;
}

/**
 * Commits of other control planes, as the tail brings them. They tell those who wait here how a run ended
 * that is owned elsewhere. One in a shard of ours was written by its owner before, who did not know yet that
 * it had lost it: nobody else would do what that commit leads to, if its writer died meanwhile.
 */
export class Foreign {
  private readonly parts: ForeignParts;
  private isLive = false;

  constructor(parts: ForeignParts) {
    this.parts = parts;
  }

  /** From now on; what came before is found by those who take shards up. */
  begin(): void {
    this.isLive = true;
  }

  record({ tenant, run, shard, revision, parsed }: LogRecordOfRun): void {
    if (!this.isLive) return;
    const { waiters, owns, seen } = this.parts;
    if (parsed.ok && waiters.size > 0) {
      for (const event of parsed.commit.events)
        if (isOutcome(event)) waiters.ended(`${tenant} ${run}`, { revision, event });
    }
    if (owns(shard)) seen(makeRunRef(tenant, run), revision);
  }
}
