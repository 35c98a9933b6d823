import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { TelemetryBatchRows, TelemetryList, TelemetryQuery } from "./read-rows.ts";
import { numberOf, textOf } from "./sql-row.ts";

/** Logs and spans, by their place in the stream; bounded by rows and by age. */
export class TelemetryTable {
  private readonly db: DatabaseSync;
  private readonly insert: StatementSync;
  private readonly oldest: StatementSync;
  private readonly remove: StatementSync;
  private stored: number;

  constructor(db: DatabaseSync) {
    this.db = db;
    this.insert = db.prepare("INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.oldest = db.prepare("SELECT seq, atMs FROM telemetry ORDER BY seq LIMIT ?");
    this.remove = db.prepare("DELETE FROM telemetry WHERE seq <= ?");
    const row = db.prepare("SELECT count(*) AS count FROM telemetry").get();
    this.stored = row === undefined ? 0 : numberOf(row, "count");
  }

  /** Inside a transaction of the caller. */
  apply(batch: TelemetryBatchRows): void {
    for (const { seq, tenant, kind, atMs, level, source, run, body } of batch.rows) {
      this.stored += Number(this.insert.run(seq, tenant, kind, atMs, level, source, run, body).changes);
    }
    this.trim(batch.rowsMax, batch.olderThanMs);
  }

  /** Inside a transaction of the caller. */
  clear(): void {
    this.db.exec("DELETE FROM telemetry");
    this.stored = 0;
  }

  query(query: TelemetryQuery, dropped: number): TelemetryList {
    const { sql, values } = statement(query);
    const rows: { seq: number; body: string }[] = [];
    const needle = query.grep?.toLowerCase();
    let seen = query.after;
    let scanned = 0;
    for (const raw of this.db.prepare(sql).iterate(...values, query.scanMax)) {
      const row = { seq: numberOf(raw, "seq"), body: textOf(raw, "body") };
      seen = Math.max(seen, row.seq);
      scanned++;
      if (needle === undefined || messageOf(row.body).toLowerCase().includes(needle)) rows.push(row);
      if (rows.length === query.limit) break;
    }
    // Without a needle the rows that do not match were skipped by the database, up to the end of the table.
    if (!query.newest && rows.length < query.limit && scanned < query.scanMax)
      seen = Math.max(seen, this.last());
    return { rows: query.newest ? rows.toReversed() : rows, seen, dropped };
  }

  private last(): number {
    const row = this.db.prepare("SELECT max(seq) AS seq FROM telemetry").get();
    return row === undefined || typeof row["seq"] !== "number" ? 0 : row["seq"];
  }

  /** Takes at most so many away a time as a batch brings: the table never grows over its bound for long. */
  private trim(rowsMax: number, olderThanMs: number): void {
    const over = this.stored - rowsMax;
    let upTo = 0;
    for (const [index, row] of this.oldest.all(Math.max(256, over)).entries()) {
      if (index >= over && numberOf(row, "atMs") >= olderThanMs) break;
      upTo = numberOf(row, "seq");
    }
    if (upTo > 0) this.stored -= Number(this.remove.run(upTo).changes);
  }
}

function statement(query: TelemetryQuery): { sql: string; values: SQLInputValue[] } {
  const where = ["tenant = ?", "seq > ?"];
  const values: SQLInputValue[] = [query.tenant, query.after];
  const add = (text: string, ...given: SQLInputValue[]): void => {
    where.push(text);
    values.push(...given);
  };
  if (query.kind !== undefined) add("kind = ?", query.kind);
  if (query.run !== undefined) add("run = ? AND run <> ''", query.run);
  if (query.levelMin !== undefined) add("level >= ?", query.levelMin);
  if (query.sinceMs !== undefined) add("atMs >= ?", query.sinceMs);
  if (query.untilMs !== undefined) add("atMs < ?", query.untilMs);
  const sources = query.sources ?? [];
  if (sources.length > 0) add(`source IN (${sources.map(() => "?").join(", ")})`, ...sources);
  const order = query.newest ? "DESC" : "ASC";
  const sql = `SELECT seq, body FROM telemetry WHERE ${where.join(" AND ")} ORDER BY seq ${order} LIMIT ?`;
  return { sql, values };
}

function messageOf(body: string): string {
  const record: unknown = JSON.parse(body);
  if (typeof record !== "object" || record === null) return "";
  if ("message" in record && typeof record.message === "string") return record.message;
  return "name" in record && typeof record.name === "string" ? record.name : "";
}
