/** The row that stands while an installation is being restored: what has it is not whole. */
import type { Bus, Revision, Table } from "@agentflow/bus";
import { AgentFlowError } from "@agentflow/protocol";
import { parseMark, type RestoreMark } from "./parse-mark.ts";

export const restoreKey = "restore";

/**
 * Durable before the first record is written. Stands on the mark that was found (0: none), so that of two who
 * would restore one is refused.
 */
export async function putMark(
  table: Table,
  of: Omit<RestoreMark, "v" | "kind">,
  expect: Revision,
): Promise<Revision> {
  const mark: RestoreMark = { v: 1, kind: "restore", ...of };
  const put = await table.put(restoreKey, JSON.stringify(mark), { expect });
  if (put.ok) return put.revision;
  throw takenOver();
}

/** Of a mark that is gone already, perhaps by ourselves, nothing is to be removed. */
export async function removeMark(table: Table, expect: Revision): Promise<void> {
  const removed = await table.delete(restoreKey, { expect });
  if (!removed.ok && removed.row !== undefined) throw takenOver();
}

export interface FoundMark {
  readonly mark: RestoreMark;
  readonly revision: Revision;
}

/**
 * The mark of a restore that has not come to its end; undefined where all is well. A read may lag behind
 * what another process wrote; a write that expects no row may not, and deleting what is not there changes
 * nothing.
 */
export async function findMark(table: Table): Promise<FoundMark | undefined> {
  const asked = await table.delete(restoreKey, { expect: 0 });
  if (asked.ok || asked.row === undefined) return undefined;
  return { mark: parseMark(asked.row.value), revision: asked.row.revision };
}

/** Throws `refused` (reason `restore_unfinished`): runs that are half there must not go on. */
export async function refuseHalfRestored({ table, kind }: Pick<Bus, "table" | "kind">): Promise<void> {
  const found = await findMark(table);
  if (found === undefined) return;
  const { at, installation, done, total } = found.mark;
  const howFar = done === undefined || total === undefined ? "" : ` (${done} of ${total} records)`;
  throw new AgentFlowError(
    "refused",
    `a restore into this installation, begun ${at}, did not come to its end${howFar}`,
    {
      reason: "restore_unfinished",
      details: { at, installation },
      suggestions: waysOut(kind),
    },
  );
}

/** Out of a restore that was cut off. */
export function waysOut(kind: string): string[] {
  return kind === "embedded"
    ? ["do it again: af restore FILE", "or throw away what is there: af dev --fresh"]
    : [
        "let it come to its end, or go on with it: af restore FILE --bus URL, with the same file",
        "or begin anew with an empty store: remove the streams AF_* with the server's own tools",
      ];
}

export function givenUp(): AgentFlowError {
  return new AgentFlowError("unavailable", "the restore was given up", {
    reason: "given_up",
    suggestions: ["do it again, with the same file"],
  });
}

export function takenOver(): AgentFlowError {
  return new AgentFlowError("conflict", "somebody else restores into this installation", {
    reason: "restore_taken_over",
    suggestions: ["let one of the two come to its end"],
  });
}
