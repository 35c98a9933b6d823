import { hash } from "node:crypto";
import type { Revision, Row, Table } from "@agentflow/bus";
import { AgentFlowError, type RunId, type TenantId } from "@agentflow/protocol";
import type { RunRef } from "../orchestrator/run-ref.ts";
import { allShards } from "../orchestrator/shard.ts";
import { type ArchiveRow, parseArchiveRow, tenantOfRow } from "./parse-archive.ts";

/** A batch as Table knows it: where its file is, which runs are in it, and how far it is. */
export interface ArchiveEntry {
  readonly key: string;
  readonly revision: Revision;
  readonly tenant: TenantId;
  readonly row: ArchiveRow;
}

const idBytes = 8;
/** What may follow a prefix in a key of Table. */
const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.".split("");

/** Rows `archived.<shard>.<tenant>.<batch>`: the truth about which runs have left the log. */
export class ArchiveRows {
  private readonly table: Table;

  constructor(table: Table) {
    this.table = table;
  }

  /** All of them, some thousands at a time. */
  async *all(): AsyncGenerator<readonly ArchiveEntry[]> {
    for (const shard of allShards) {
      for await (const rows of rowsUnder(this.table, `archived.${shard}.`)) yield rows.flatMap(entryOf);
    }
  }

  /** The batch that holds the run. */
  async find({ run, shard, tenant }: RunRef): Promise<ArchiveEntry | undefined> {
    const wanted = shortId(run);
    for await (const rows of rowsUnder(this.table, `archived.${shard}.${tenant}.`)) {
      const found = rows.flatMap(entryOf).find(({ row }) => holds(row, wanted));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A batch whose file is written and whose runs are still in the log. */
  async add(
    { shard, tenant }: RunRef,
    of: { readonly blob: string; readonly at: string; readonly runs: readonly RunId[] },
  ): Promise<ArchiveEntry> {
    const { blob, at, runs } = of;
    const digest = blob.slice(blob.lastIndexOf("/") + 1);
    const key = `archived.${shard}.${tenant}.${digest.slice(0, 24)}`;
    const row: ArchiveRow = { v: 1, blob, at, ids: Buffer.concat(runs.map(shortId)).toString("base64") };
    const put = await this.table.put(key, JSON.stringify(row), { expect: "any" });
    if (!put.ok) throw new AgentFlowError("conflict", `the row ${key} kept changing`);
    return { key, revision: put.revision, tenant, row };
  }

  /** Its runs are out of the log. */
  async purged({ key, revision, row }: ArchiveEntry, at: string): Promise<void> {
    await this.table.put(key, JSON.stringify({ ...row, at, purged: true }), { expect: revision });
  }

  async remove({ key, revision }: ArchiveEntry): Promise<void> {
    await this.table.delete(key, { expect: revision });
  }
}

/**
 * All rows under a prefix, however many: where `list` says that there are too many, one letter more is asked
 * for. Ends, because keys do.
 */
export async function* rowsUnder(table: Table, prefix: string): AsyncGenerator<readonly Row[]> {
  const rows = await listed(table, prefix);
  if (rows !== undefined) {
    if (rows.length > 0) yield rows;
    return;
  }
  const exact = prefix === "" || prefix.endsWith(".") ? undefined : await table.get(prefix);
  if (exact !== undefined) yield [exact];
  for (const letter of letters) yield* rowsUnder(table, `${prefix}${letter}`);
}

/** Undefined when there are too many. */
async function listed(table: Table, prefix: string): Promise<readonly Row[] | undefined> {
  try {
    return await table.list(prefix);
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "limit_exceeded") return undefined;
    throw error;
  }
}

function entryOf({ key, value, revision }: Row): ArchiveEntry[] {
  const tenant = tenantOfRow(key);
  const row = parseArchiveRow(value);
  return tenant === undefined || row === undefined ? [] : [{ key, revision, tenant, row }];
}

function shortId(run: RunId): Buffer {
  return hash("sha256", run, "buffer").subarray(0, idBytes);
}

function holds({ ids }: ArchiveRow, wanted: Buffer): boolean {
  const all = Buffer.from(ids, "base64");
  for (let at = 0; at + idBytes <= all.length; at += idBytes) {
    if (all.compare(wanted, 0, idBytes, at, at + idBytes) === 0) return true;
  }
  return false;
}
