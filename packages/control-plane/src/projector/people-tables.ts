import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { parseUsd, usdText } from "@agentflow/core/run";
import { approvalStatuses, type ApprovalStatus, type UsageTotals } from "@agentflow/protocol";
import type {
  ApprovalChange,
  ApprovalQuery,
  ApprovalRow,
  ModelChange,
  RunDelta,
  StatusCounts,
  UsageChange,
  UsageQuery,
  UsageSums,
} from "./read-rows.ts";
import { numberOf, optionalNumber, optionalText, type SqlRow, textOf } from "./sql-row.ts";

/** Of the parts that money is counted in, so many are one nano-dollar. */
const partsPerNano = 1_000n;

/** What people are asked, and what agents use up. Each change may be applied again. */
export class PeopleTables {
  private readonly db: DatabaseSync;
  private readonly prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  /** Inside a transaction of the caller. */
  apply(deltas: readonly RunDelta[]): void {
    for (const delta of deltas) {
      for (const change of delta.approvals ?? []) this.approval(delta, change);
      for (const change of delta.usage ?? []) this.used(delta, change);
    }
  }

  /** Inside a transaction of the caller. */
  applyModels(models: readonly ModelChange[]): void {
    for (const { tenant, run, step, n, model, atMs, usage } of models) {
      this.statement(
        `INSERT OR REPLACE INTO models VALUES (${Array.from({ length: 15 }, () => "?").join(", ")})`,
      ).run(tenant, run, step, n, model, atMs, ...countsOf(usage));
    }
  }

  forget(tenant: string, run: string): void {
    this.statement("DELETE FROM models WHERE tenant = ? AND run = ?").run(tenant, run);
    this.statement("DELETE FROM approvals WHERE tenant = ? AND run = ?").run(tenant, run);
    this.statement("DELETE FROM usage WHERE tenant = ? AND run = ?").run(tenant, run);
  }

  approvals({ tenant, status, run, limit, after }: ApprovalQuery): ApprovalRow[] {
    const where = ["a.tenant = ?"];
    const values: SQLInputValue[] = [tenant];
    if (run !== undefined) {
      where.push("a.run = ?");
      values.push(run);
    }
    const onlyOpen = status?.length === 1 && status[0] === "open";
    if (onlyOpen) where.push("a.status = 'open'");
    else if (status !== undefined) {
      where.push(`a.status IN (${status.map(() => "?").join(", ")})`);
      values.push(...status);
    }
    if (after !== undefined) {
      where.push("(a.requestedAtMs, a.run, a.n) < (?, ?, ?)");
      values.push(after.requestedAtMs, after.run, after.n);
    }
    const rows = this.statement(
      `SELECT a.*, coalesce(r.workflow, '') AS workflow FROM approvals a
       LEFT JOIN runs r ON r.tenant = a.tenant AND r.run = a.run
       WHERE ${where.join(" AND ")} ORDER BY a.requestedAtMs DESC, a.run DESC, a.n DESC LIMIT ?`,
    );
    return rows.all(...values, limit).map(toApprovalRow);
  }

  openCounts(): StatusCounts {
    return this.statement(
      "SELECT tenant, count(*) AS count FROM approvals WHERE status = 'open' GROUP BY tenant",
    )
      .all()
      .map((row) => ({ tenant: textOf(row, "tenant"), status: "open", count: numberOf(row, "count") }));
  }

  usage({ tenant, by, sinceMs = 0, limit }: UsageQuery): UsageSums {
    const name = names[by];
    const table = by === "model" ? "models" : "usage";
    const from = `FROM ${table} u LEFT JOIN runs r ON r.tenant = u.tenant AND r.run = u.run
       WHERE u.tenant = ? AND u.atMs >= ?`;
    const rows = this.statement(
      `SELECT ${name} AS name, ${sums} ${from} GROUP BY 1
       ORDER BY nanoUsd DESC, inputTokens + outputTokens DESC, name LIMIT ?`,
    ).all(tenant, sinceMs, limit);
    const total = this.statement(`SELECT ${sums} ${from}`).get(tenant, sinceMs);
    return {
      rows: rows.map((row) => ({
        name: textOf(row, "name"),
        usage: toTotals(row),
        runs: numberOf(row, "runs"),
      })),
      total: toTotals(total ?? {}),
    };
  }

  private approval({ tenant, run }: RunDelta, change: ApprovalChange): void {
    if (change.kind === "asked") {
      const { n, step, call = null, shown, hash, requestedAtMs, expiresAtMs } = change;
      this.statement(
        `INSERT OR IGNORE INTO approvals (tenant, run, n, step, call, status, shown, hash, requestedAtMs,
         expiresAtMs) VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?)`,
      ).run(tenant, run, n, step, call, shown, hash, requestedAtMs, expiresAtMs);
      return;
    }
    const { n, status, atMs, by = null, comment = null } = change;
    this.statement(
      `UPDATE approvals SET status = ?, decidedAtMs = ?, by = ?, comment = ?
       WHERE tenant = ? AND run = ? AND n = ? AND status = 'open'`,
    ).run(status, atMs, by, comment, tenant, run, n);
  }

  private used({ tenant, run }: RunDelta, change: UsageChange): void {
    if (change.kind === "agent") {
      this.statement(
        "INSERT OR IGNORE INTO usage (tenant, run, step, agent, atMs) VALUES (?, ?, ?, ?, ?)",
      ).run(tenant, run, change.step, change.agent, change.atMs);
      return;
    }
    const { usage, step, atMs } = change;
    this.statement(
      `UPDATE usage SET atMs = ?, inputTokens = ?, outputTokens = ?, cacheReadTokens = ?,
       cacheWriteTokens = ?, reasoningTokens = ?, modelCalls = ?, toolCalls = ?, nanoUsd = ?, unpriced = ?
       WHERE tenant = ? AND run = ? AND step = ?`,
    ).run(atMs, ...countsOf(usage), tenant, run, step);
  }

  private statement(sql: string): StatementSync {
    const known = this.prepared.get(sql);
    if (known !== undefined) return known;
    const made = this.db.prepare(sql);
    this.prepared.set(sql, made);
    return made;
  }
}

const names = {
  agent: "u.agent",
  model: "u.model",
  workflow: "coalesce(r.workflow, '')",
  tenant: "u.tenant",
  run: "u.run",
} as const;

/** In the order of the columns. */
function countsOf(usage: UsageTotals): number[] {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0, reasoningTokens = 0 } = usage;
  const tokens = [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens];
  const all = [...tokens, usage.modelCalls, usage.toolCalls].map(countOf);
  return [...all, nanoUsd(usage.usd), usage.unpriced === true ? 1 : 0];
}

/** What stands in the log for good must not stop the table: what is no count is none. */
function countOf(count: unknown): number {
  return typeof count === "number" && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

const counts = [
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "reasoningTokens",
  "modelCalls",
  "toolCalls",
  "nanoUsd",
] as const;

const sums = [
  ...counts.map((name) => `coalesce(sum(u.${name}), 0) AS ${name}`),
  "coalesce(max(u.unpriced), 0) AS unpriced",
  "count(DISTINCT u.run) AS runs",
].join(", ");

function toTotals(row: SqlRow): UsageTotals {
  const optional = {
    cacheReadTokens: numberOf(row, "cacheReadTokens"),
    cacheWriteTokens: numberOf(row, "cacheWriteTokens"),
    reasoningTokens: numberOf(row, "reasoningTokens"),
  };
  return {
    inputTokens: numberOf(row, "inputTokens"),
    outputTokens: numberOf(row, "outputTokens"),
    ...Object.fromEntries(Object.entries(optional).filter(([, count]) => count > 0)),
    modelCalls: numberOf(row, "modelCalls"),
    toolCalls: numberOf(row, "toolCalls"),
    usd: usdText(BigInt(numberOf(row, "nanoUsd")) * partsPerNano),
    ...(numberOf(row, "unpriced") === 1 ? { unpriced: true } : {}),
  };
}

/** Rounded: a sum over many runs is exact to a thousandth of a cent. */
function nanoUsd(usd: string): number {
  const nano = (parseUsd(usd) + partsPerNano / 2n) / partsPerNano;
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(nano < 0n ? 0n : nano > most ? most : nano);
}

function toApprovalRow(row: SqlRow): ApprovalRow {
  const [call, by, comment] = [
    optionalText(row, "call"),
    optionalText(row, "by"),
    optionalText(row, "comment"),
  ];
  const decidedAtMs = optionalNumber(row, "decidedAtMs");
  return {
    run: textOf(row, "run"),
    n: numberOf(row, "n"),
    workflow: textOf(row, "workflow"),
    step: textOf(row, "step"),
    ...(call === undefined ? {} : { call }),
    status: statusOf(textOf(row, "status")),
    shown: textOf(row, "shown"),
    hash: textOf(row, "hash"),
    requestedAtMs: numberOf(row, "requestedAtMs"),
    expiresAtMs: numberOf(row, "expiresAtMs"),
    ...(decidedAtMs === undefined ? {} : { decidedAtMs }),
    ...(by === undefined ? {} : { by }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function statusOf(text: string): ApprovalStatus {
  return approvalStatuses.find((status) => status === text) ?? "open";
}
