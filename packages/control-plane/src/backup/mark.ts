/** The row that stands while an installation is being restored: what has it is not whole. */
import type { Table } from "@agentflow/bus";
import { AgentFlowError, type Instant } from "@agentflow/protocol";
import { parseMark, type RestoreMark } from "./parse-mark.ts";

export const restoreKey = "restore";

/** Durable before the first record is written. */
export async function beginRestore(
  table: Table,
  of: { readonly at: Instant; readonly installation: string },
): Promise<void> {
  const mark: RestoreMark = { v: 1, kind: "restore", ...of };
  await table.put(restoreKey, JSON.stringify(mark), { expect: "any" });
}

export async function endRestore(table: Table): Promise<void> {
  await table.delete(restoreKey, { expect: "any" });
}

/**
 * The mark of a restore that has not come to its end; undefined where all is well. A read may lag behind
 * what another process wrote; a write that expects no row may not, and deleting what is not there changes
 * nothing.
 */
export async function findMark(table: Table): Promise<RestoreMark | undefined> {
  const asked = await table.delete(restoreKey, { expect: 0 });
  return asked.ok || asked.row === undefined ? undefined : parseMark(asked.row.value);
}

/** Throws `refused` (reason `restore_unfinished`): runs that are half there must not go on. */
export async function refuseHalfRestored(table: Table): Promise<void> {
  const mark = await findMark(table);
  if (mark === undefined) return;
  const { at, installation } = mark;
  throw new AgentFlowError(
    "refused",
    `a restore into this installation, begun ${at}, did not come to its end`,
    {
      reason: "restore_unfinished",
      details: { at, installation },
      suggestions: ["do it again: af restore FILE", "or throw away what is there: af dev --fresh"],
    },
  );
}
