import { openMemoryBus } from "@agentflow/bus/memory";
import { virtualWorld } from "@agentflow/host/virtual";
import { instant, parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { OwnerRows } from "./owner-rows.ts";
import type { OwnerRow } from "./parse-rows.ts";

const shard = parseId("shard", "07");
const rowOf = (owner: string): OwnerRow => ({ v: 1, owner, life: `${owner}-1`, since: instant(0) });

test.each([true, false])(
  "a table that says less than was known is believed (its row is there: %s)",
  async (isThere) => {
    const world = virtualWorld();
    const { table } = openMemoryBus({ world, polite: true });
    const drive = async <T>(work: Promise<T>): Promise<T> => {
      await world.time.advance(50);
      return work;
    };
    if (isThere) await drive(new OwnerRows(table).put(shard, rowOf("before")));
    const rows = new OwnerRows(table);
    // Of another table, or of an end that this one has lost.
    rows.changed({ key: `owner.${shard}`, value: JSON.stringify(rowOf("other")), revision: 500 });
    expect(await drive(rows.put(shard, rowOf("me")))).toBe(false);
    expect(rows.get(shard)?.owner).toBe(isThere ? "before" : undefined);
    expect(await drive(rows.put(shard, rowOf("me")))).toBe(true);
    expect(rows.get(shard)?.owner).toBe("me");
  },
);
