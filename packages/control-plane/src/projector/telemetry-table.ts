import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { previousWriters } from "./previous-writers.ts";
import type { TelemetryBatchRows, TelemetryList, TelemetryQuery } from "./read-rows.ts";
import { numberOf, textOf } from "./sql-row.ts";
import { textTest } from "./text-test.ts";

/** Logs and spans, by their place in the stream; bounded by rows and by age. */
export class TelemetryTable {
  private readonly db: DatabaseSync;
  private readonly insert: StatementSync;
  private readonly oldest: StatementSync;
  private readonly remove: StatementSync;
  private readonly note: StatementSync;
  private stored: number;
  private trimmed: number;

  constructor(db: DatabaseSync) {
    this.db = db;
    this.insert = db.prepare("INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.oldest = db.prepare("SELECT seq, atMs FROM telemetry ORDER BY seq LIMIT ?");
    this.remove = db.prepare("DELETE FROM telemetry WHERE seq <= ?");
    this.note = db.prepare("INSERT OR REPLACE INTO meta VALUES ('telemetryTrimmed', ?)");
    const row = db.prepare("SELECT count(*) AS count FROM telemetry").get();
    this.stored = row === undefined ? 0 : numberOf(row, "count");
    const noted = db.prepare("SELECT value FROM meta WHERE name = 'telemetryTrimmed'").get();
    this.trimmed = noted === undefined ? 0 : Number(textOf(noted, "value"));
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
    this.trimmed = 0;
    this.note.run("0");
  }

  query(query: TelemetryQuery, dropped: number): TelemetryList {
    const { trimmed } = this;
    const writers = query.previous === true ? this.previous(query.tenant) : undefined;
    const { sql, values } = statement(query, writers);
    const rows: { seq: number; body: string }[] = [];
    const suits = textTest(query);
    let seen = query.after;
    let scanned = 0;
    for (const raw of this.db.prepare(sql).iterate(...values, query.scanMax)) {
      const row = { seq: numberOf(raw, "seq"), body: textOf(raw, "body") };
      seen = Math.max(seen, row.seq);
      scanned++;
      if (suits === undefined || raw["kind"] === "gap" || suits(messageOf(row.body))) rows.push(row);
      if (rows.length === query.limit) break;
    }
    // Without conditions on the text the rows that do not match were skipped by the database, to its end.
    if (!query.newest && rows.length < query.limit && scanned < query.scanMax)
      seen = Math.max(seen, this.last());
    return { rows: query.newest ? rows.toReversed() : rows, seen, dropped, trimmed };
  }

  private previous(tenant: string): string[] {
    const sql = "SELECT DISTINCT json_extract(body, '$.writer') AS writer FROM telemetry WHERE tenant = ?";
    const rows = this.db.prepare(sql).all(tenant);
    return previousWriters(rows.flatMap(({ writer }) => (typeof writer === "string" ? [writer] : [])));
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
    if (upTo === 0) return;
    this.stored -= Number(this.remove.run(upTo).changes);
    this.trimmed = upTo;
    this.note.run(String(upTo));
  }
}

interface Statement {
  readonly sql: string;
  readonly values: SQLInputValue[];
}

function statement(query: TelemetryQuery, writers: readonly string[] | undefined): Statement {
  const { sql: conditions, values } = conditionsOf(query, writers);
  const where = ["tenant = ?", "seq > ?"];
  const first: SQLInputValue[] = [query.tenant, query.after];
  // What was lost is told whatever is asked for; it stands under the run `*`, so that the index holds it.
  if (query.run !== undefined) {
    where.push("run IN (?, '*') AND run <> ''");
    first.push(query.run);
  }
  const add = (text: string, value: SQLInputValue): void => {
    where.push(text);
    first.push(value);
  };
  if (query.sinceMs !== undefined) add("atMs >= ?", query.sinceMs);
  if (query.untilMs !== undefined) add("atMs < ?", query.untilMs);
  if (query.previous === true) where.push("kind <> 'gap'");
  if (conditions !== "") where.push(`(kind = 'gap' OR (${conditions}))`);
  const order = query.newest ? "DESC" : "ASC";
  const rows = `SELECT seq, kind, body FROM telemetry WHERE ${where.join(" AND ")}`;
  const sql = `${rows} ORDER BY seq ${order} LIMIT ?`;
  return { sql, values: [...first, ...values] };
}

function conditionsOf(query: TelemetryQuery, writers: readonly string[] | undefined): Statement {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (text: string, ...given: SQLInputValue[]): void => {
    where.push(text);
    values.push(...given);
  };
  if (query.kind !== undefined) add("kind = ?", query.kind);
  if (query.levelMin !== undefined) add("level >= ?", query.levelMin);
  const { sources = [], agent, tool } = query;
  if (sources.length > 0) add(`source IN (${marks(sources)})`, ...sources);
  const named = Object.entries({ agent, tool }).filter(([, name]) => name !== undefined);
  if (named.length > 0) {
    const each = named.map(([source]) => `(source = '${source}' AND json_extract(body, '$.name') = ?)`);
    add(`(${each.join(" OR ")})`, ...named.map(([, name]) => name ?? ""));
  }
  if (writers !== undefined) add(`json_extract(body, '$.writer') IN (${marks(writers)})`, ...writers);
  return { sql: where.join(" AND "), values };
}

function marks(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}

function messageOf(body: string): string {
  const record: unknown = JSON.parse(body);
  if (typeof record !== "object" || record === null) return "";
  if ("message" in record && typeof record.message === "string") return record.message;
  return "name" in record && typeof record.name === "string" ? record.name : "";
}
