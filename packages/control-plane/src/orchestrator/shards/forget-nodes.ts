import type { Table } from "@agentflow/bus";
import { watermarkKey } from "../../dispatcher/watermark.ts";
import type { Members } from "./members.ts";
import { nodePrefix } from "./parse-rows.ts";

/** Rows of control planes that are long gone; one that comes back has another revision and stays. */
export async function forgetNodes(table: Table, members: Members): Promise<void> {
  for (const { row, revision } of members.forgotten()) {
    const deleted = await table.delete(`${nodePrefix}${row.node}`, { expect: revision });
    if (deleted.ok) await table.delete(watermarkKey(row.node), { expect: "any" });
  }
}
