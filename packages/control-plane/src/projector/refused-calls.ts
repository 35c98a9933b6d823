import type { Table } from "@agentflow/bus";
import type { Log } from "@agentflow/host/log";
import type { Shard } from "@agentflow/protocol";
import type { RefusedCall } from "./turn-facts.ts";
import type { TurnRecord } from "./turn-record.ts";

export type OnRefusedCall = (
  of: Pick<TurnRecord, "tenant" | "run" | "step"> & Pick<RefusedCall, "tool" | "reason">,
) => Promise<void>;

export interface RefusedCallsParts {
  readonly table: Table;
  readonly say: Log;
  readonly owns: (shard: Shard) => boolean;
  readonly report: OnRefusedCall;
}

/**
 * Calls that agents were refused, told once each by the owner of their shard. The row `audited.<shard>` says
 * up to where it was done, for whoever reads the journal again; a crash between the two tells one twice. What
 * is read in the moment in which a shard has no owner is not told.
 */
export class RefusedCalls {
  private readonly parts: RefusedCallsParts;
  private last: Promise<void> = Promise.resolve();

  constructor(parts: RefusedCallsParts) {
    this.parts = parts;
  }

  seen(record: TurnRecord, refused: readonly RefusedCall[]): void {
    if (refused.length === 0 || !this.parts.owns(record.shard)) return;
    this.last = this.last
      .then(() => this.tell(record, refused))
      .catch((error: unknown) => {
        const { tenant, run } = record;
        this.parts.say.child({ tenant, run }).warn("a refused call of an agent was not audited", { error });
      });
  }

  /** Resolves once all that was seen is told. */
  async settled(): Promise<void> {
    await this.last;
  }

  private async tell(record: TurnRecord, refused: readonly RefusedCall[]): Promise<void> {
    const { table, report } = this.parts;
    const { tenant, run, step, shard, revision } = record;
    const key = `audited.${shard}`;
    const row = await table.get(key);
    if (row !== undefined && Number(row.value) >= revision) return;
    for (const { tool, reason } of refused) await report({ tenant, run, step, tool, reason });
    await table.put(key, String(revision), { expect: row?.revision ?? 0 });
  }
}
