import type { Revision, RowChange, Table } from "@agentflow/bus";
import type { Shard } from "@agentflow/protocol";
import { ownerKey, type OwnerRow, parseOwnerRow, shardOfKey } from "./parse-rows.ts";

interface Seen {
  readonly row: OwnerRow | undefined;
  readonly revision: Revision;
}

/**
 * Who holds which shard, as the rows say. They are never deleted, so a watch that begins anew misses none.
 */
export class OwnerRows {
  private readonly table: Table;
  private readonly rows = new Map<Shard, Seen>();

  constructor(table: Table) {
    this.table = table;
  }

  get(shard: Shard): OwnerRow | undefined {
    return this.rows.get(shard)?.row;
  }

  /** The revision of its row: names this holding of the shard and no other. */
  term(shard: Shard): Revision {
    return this.rows.get(shard)?.revision ?? 0;
  }

  /** The shard whose row is another now; a watch that is behind our own write changes nothing. */
  changed({ key, value, revision }: RowChange): Shard | undefined {
    const shard = shardOfKey(key);
    if (shard === undefined || revision <= this.term(shard)) return undefined;
    this.rows.set(shard, { row: value === undefined ? undefined : parseOwnerRow(value), revision });
    return shard;
  }

  /** True when the row was still the one that was seen; else it is known now whose it is. */
  async put(shard: Shard, row: OwnerRow): Promise<boolean> {
    const expected = this.term(shard);
    const put = await this.table.put(ownerKey(shard), JSON.stringify(row), { expect: expected });
    if (put.ok) {
      if (put.revision > this.term(shard)) this.rows.set(shard, { row, revision: put.revision });
      return true;
    }
    const { row: found } = put;
    const revision = found?.revision ?? 0;
    // A table that lost its end, or was exchanged, says less than was expected: then that is how it stands.
    // Else it may come late: what the watch has told meanwhile is newer than the row that stood in the way.
    if (revision < expected || revision > this.term(shard)) {
      this.rows.set(shard, { row: found === undefined ? undefined : parseOwnerRow(found.value), revision });
    }
    return false;
  }
}
