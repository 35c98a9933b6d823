import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Position } from "@agentflow/bus";
import type { RunStatus } from "@agentflow/protocol";
import type {
  ArchiveMark,
  EndedQuery,
  ForgottenRuns,
  LivePlace,
  LiveRun,
  OpenOfBuild,
  RunDelta,
  RunList,
  RunQuery,
  RunRow,
  StatusCounts,
} from "./read-rows.ts";
import { numberOf, optionalNumber, optionalText, type SqlRow, textOf } from "./sql-row.ts";

const columns =
  "tenant, run, workflow, version, status, startedAtMs, endedAtMs, revision, " +
  "labels, failure, unknown, archive";

/** Rows of runs with counters by status that are kept, not counted. Every list goes by an index. */
export class RunTable {
  private readonly db: DatabaseSync;
  private readonly insert: StatementSync;
  private readonly touch: StatementSync;
  private readonly update: StatementSync;
  private readonly statusOf: StatementSync;
  private readonly count: StatementSync;
  private readonly byId: StatementSync;
  private readonly setArchive: StatementSync;
  private readonly prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
    this.insert = db.prepare(
      `INSERT OR IGNORE INTO runs (${columns}, build) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)`,
    );
    this.touch = db.prepare("UPDATE runs SET revision = max(revision, ?) WHERE tenant = ? AND run = ?");
    this.update = db.prepare(
      `UPDATE runs SET revision = max(revision, ?), status = coalesce(?, status),
       endedAtMs = coalesce(?, endedAtMs), failure = coalesce(?, failure), unknown = coalesce(?, unknown)
       WHERE tenant = ? AND run = ?`,
    );
    this.statusOf = db.prepare("SELECT status FROM runs WHERE tenant = ? AND run = ?");
    this.count = db.prepare(
      "INSERT INTO counters (tenant, status, count) VALUES (?, ?, ?) " +
        "ON CONFLICT (tenant, status) DO UPDATE SET count = count + excluded.count",
    );
    this.byId = db.prepare(`SELECT ${columns} FROM runs WHERE tenant = ? AND run = ?`);
    this.setArchive = db.prepare("UPDATE runs SET archive = ? WHERE tenant = ? AND run = ?");
  }

  /** Inside a transaction of the caller. */
  apply(deltas: readonly RunDelta[]): void {
    const counts = new Map<string, number>();
    const add = (tenant: string, status: string, by: number): void => {
      const key = `${tenant} ${status}`;
      counts.set(key, (counts.get(key) ?? 0) + by);
    };
    for (const delta of deltas) this.applyOne(delta, add);
    for (const [key, by] of counts) {
      const [tenant = "", status = ""] = key.split(" ");
      if (by !== 0) this.count.run(tenant, status, by);
    }
  }

  row(tenant: string, run: string): RunRow | undefined {
    const row = this.byId.get(tenant, run);
    return row === undefined ? undefined : toRunRow(row);
  }

  list(query: RunQuery, position: Position | undefined): RunList {
    const labels = query.labels ?? [];
    const wanted = query.limit + 1;
    const rows: RunRow[] = [];
    const { sql, values } = listStatement(query, columns);
    let scanned = 0;
    let last: RunRow | undefined;
    for (const raw of this.statement(sql).iterate(...values, labels.length === 0 ? wanted : query.scanMax)) {
      last = toRunRow(raw);
      scanned++;
      if (hasLabels(last, labels)) rows.push(last);
      if (rows.length === wanted) break;
    }
    const cutShort = rows.length < wanted && labels.length > 0 && scanned === query.scanMax;
    const kept = rows.slice(0, query.limit);
    const place = rows.length === wanted ? kept.at(-1) : cutShort ? last : undefined;
    const next = place === undefined ? {} : { next: { startedAtMs: place.startedAtMs, run: place.run } };
    return { rows: kept, ...next, position };
  }

  /** Runs that have not ended, in order of (tenant, run), behind the given one. */
  live(after: LivePlace | undefined, limit: number): LiveRun[] {
    const statement = this.statement(
      `SELECT tenant, run, status, unknown FROM runs
       WHERE endedAtMs IS NULL AND (tenant, run) > (?, ?) ORDER BY tenant, run LIMIT ?`,
    );
    return statement.all(after?.tenant ?? "", after?.run ?? "", limit).map(toLive);
  }

  counts(): StatusCounts {
    return this.statement("SELECT tenant, status, count FROM counters")
      .all()
      .map((row) => ({
        tenant: textOf(row, "tenant"),
        status: textOf(row, "status"),
        count: numberOf(row, "count"),
      }));
  }

  /** Runs that have not ended, counted by an index: of one tenant, or of all. */
  openByBuild(tenant: string | undefined): OpenOfBuild[] {
    const of = tenant === undefined ? "" : "AND tenant = ?";
    const given = tenant === undefined ? [] : [tenant];
    const groups = this.statement(
      `SELECT tenant, build, count(*) AS count FROM runs INDEXED BY runs_builds
       WHERE endedAtMs IS NULL ${of} GROUP BY tenant, build`,
    ).all(...given);
    const first = this.statement(
      `SELECT run, startedAtMs FROM runs INDEXED BY runs_builds
       WHERE endedAtMs IS NULL AND tenant = ? AND build IS ? ORDER BY startedAtMs, run LIMIT 1`,
    );
    return groups.flatMap((group) => {
      const build = optionalText(group, "build");
      const oldest = first.get(textOf(group, "tenant"), build ?? null);
      if (oldest === undefined) return [];
      return [
        {
          tenant: textOf(group, "tenant"),
          ...(build === undefined ? {} : { build }),
          count: numberOf(group, "count"),
          oldest: { run: textOf(oldest, "run"), startedAtMs: numberOf(oldest, "startedAtMs") },
        },
      ];
    });
  }

  /** Ended runs that should leave the log, oldest end first. */
  ended(query: EndedQuery): RunRow[] {
    const kept = "SELECT endedAtMs FROM runs WHERE endedAtMs IS NOT NULL AND archive IS NULL";
    const edge = this.statement(`${kept} ORDER BY endedAtMs DESC LIMIT 1 OFFSET ?`).get(query.keepMax);
    const overfull = edge === undefined ? 0 : numberOf(edge, "endedAtMs") + 1;
    return this.statement(
      `SELECT ${columns} FROM runs WHERE endedAtMs IS NOT NULL AND archive IS NULL AND endedAtMs < ?
       ORDER BY endedAtMs, tenant, run LIMIT ?`,
    )
      .all(Math.max(query.endedBeforeMs, overfull), query.limit)
      .map(toRunRow);
  }

  /** Inside a transaction of the caller. */
  archive({ tenant, archive, runs, rows = [] }: ArchiveMark): void {
    this.apply(rows);
    for (const run of runs) this.setArchive.run(archive, tenant, run);
    this.statement("INSERT OR IGNORE INTO archives VALUES (?)").run(archive);
  }

  archives(): string[] {
    return this.statement("SELECT archive FROM archives")
      .all()
      .map((row) => textOf(row, "archive"));
  }

  hasArchive(archive: string): boolean {
    return this.statement("SELECT 1 FROM archives WHERE archive = ?").get(archive) !== undefined;
  }

  /** Inside a transaction of the caller. Gives the runs whose rows are gone. */
  forget(gone: ForgottenRuns): string[] {
    const forgotten: string[] = [];
    const { tenant } = gone;
    const archive = "archive" in gone ? gone.archive : undefined;
    const remove = this.statement("DELETE FROM runs WHERE tenant = ? AND run = ?");
    for (const run of gone.runs ?? this.runsIn(tenant, archive ?? "")) {
      const row = this.row(tenant, run);
      if (row === undefined || (archive !== undefined && row.archive !== archive)) continue;
      remove.run(tenant, run);
      this.count.run(tenant, row.status, -1);
      forgotten.push(run);
    }
    if (archive !== undefined) this.statement("DELETE FROM archives WHERE archive = ?").run(archive);
    return forgotten;
  }

  /** Found by looking at every run of the tenant: only asked when the archive itself cannot tell. */
  private runsIn(tenant: string, archive: string): string[] {
    const found = this.statement("SELECT run FROM runs WHERE tenant = ? AND archive = ?");
    return found.all(tenant, archive).map((row) => textOf(row, "run"));
  }

  private applyOne(delta: RunDelta, add: (tenant: string, status: string, by: number) => void): void {
    const { tenant, run, revision, status, endedAtMs = null, failure = null, unknown = null } = delta;
    if (delta.born !== undefined) {
      const { workflow, version, startedAtMs, build = null, labels = null } = delta.born;
      const state = status ?? "running";
      const born = [tenant, run, workflow, version, state, startedAtMs, endedAtMs, revision, labels] as const;
      if (this.insert.run(...born, failure, unknown, build).changes !== 0) return add(tenant, state, 1);
    }
    if (status === undefined && unknown === null) {
      this.touch.run(revision, tenant, run);
      return;
    }
    const before = this.statusOf.get(tenant, run);
    if (before === undefined) return;
    this.update.run(revision, status ?? null, endedAtMs, failure, unknown, tenant, run);
    const old = textOf(before, "status");
    if (status === undefined || status === old) return;
    add(tenant, old, -1);
    add(tenant, status, 1);
  }

  private statement(sql: string): StatementSync {
    const known = this.prepared.get(sql);
    if (known !== undefined) return known;
    const made = this.db.prepare(sql);
    this.prepared.set(sql, made);
    return made;
  }
}

function listStatement(query: RunQuery, wanted: string): { sql: string; values: SQLInputValue[] } {
  const where = ["tenant = ?"];
  const values: SQLInputValue[] = [query.tenant];
  const add = (text: string, ...given: SQLInputValue[]): void => {
    where.push(text);
    values.push(...given);
  };
  if (query.workflow !== undefined) add("workflow = ?", query.workflow);
  const statuses = query.status ?? [];
  if (statuses.length > 0) add(`status IN (${statuses.map(() => "?").join(", ")})`, ...statuses);
  if (query.sinceMs !== undefined) add("startedAtMs >= ?", query.sinceMs);
  if (query.untilMs !== undefined) add("startedAtMs < ?", query.untilMs);
  if (query.after !== undefined) add("(startedAtMs, run) < (?, ?)", query.after.startedAtMs, query.after.run);
  const index =
    query.workflow !== undefined ? "runs_workflow" : statuses.length === 1 ? "runs_status" : "runs_started";
  const sql = `SELECT ${wanted} FROM runs INDEXED BY ${index} WHERE ${where.join(" AND ")}
    ORDER BY startedAtMs DESC, run DESC LIMIT ?`;
  return { sql, values };
}

function hasLabels(row: RunRow, labels: readonly (readonly [string, string])[]): boolean {
  if (labels.length === 0) return true;
  if (row.labels === undefined) return false;
  const own: unknown = JSON.parse(row.labels);
  if (typeof own !== "object" || own === null) return false;
  const known = new Map<string, unknown>(Object.entries(own));
  return labels.every(([name, value]) => known.get(name) === value);
}

function toRunRow(row: SqlRow): RunRow {
  const endedAtMs = optionalNumber(row, "endedAtMs");
  const optional: { [column in "labels" | "failure" | "unknown" | "archive"]?: string } = {};
  for (const column of ["labels", "failure", "unknown", "archive"] as const) {
    const value = optionalText(row, column);
    if (value !== undefined) optional[column] = value;
  }
  return {
    tenant: textOf(row, "tenant"),
    run: textOf(row, "run"),
    workflow: textOf(row, "workflow"),
    version: textOf(row, "version"),
    status: statusOf(textOf(row, "status")),
    startedAtMs: numberOf(row, "startedAtMs"),
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
    revision: numberOf(row, "revision"),
    ...optional,
  };
}

function toLive(row: SqlRow): LiveRun {
  const unknown = optionalText(row, "unknown");
  return {
    tenant: textOf(row, "tenant"),
    run: textOf(row, "run"),
    status: statusOf(textOf(row, "status")),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

function statusOf(text: string): RunStatus {
  if (text === "parked" || text === "completed" || text === "failed" || text === "cancelled") return text;
  return "running";
}
