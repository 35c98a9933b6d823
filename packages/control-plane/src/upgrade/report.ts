import type { RunId, TenantId } from "@agentflow/protocol";

/** What this release cannot go on with. A warning keeps nobody from upgrading. */
export interface HistoryFinding {
  readonly code:
    | "history_newer"
    | "history_broken"
    | "journal_newer"
    | "journal_broken"
    | "plan_missing"
    | "plan_unreadable"
    | "definition_missing"
    | "value_missing"
    | "row_unknown"
    | "no_worker_of_build";
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly tenant?: TenantId;
  readonly run?: RunId;
  /** Of a journal: the step's. */
  readonly step?: string;
  readonly workflow?: string;
  /** Of the record in which it stands. */
  readonly revision?: number;
  /** The blob or the row. */
  readonly key?: string;
}

export interface HistoriesReport {
  /** Whose histories: that of this program. */
  readonly release: string;
  readonly runs: { readonly open: number; readonly ended: number; readonly unreadable: number };
  readonly commits: number;
  readonly events: number;
  readonly journals: number;
  readonly journalRecords: number;
  /** Distinct ones that runs in flight and workflows name. */
  readonly plans: number;
  readonly values: number;
  readonly workflows: number;
  readonly errors: number;
  readonly warnings: number;
  /** The first hundred. */
  readonly findings: readonly HistoryFinding[];
}

const keptMax = 100;

/** The first of them, and how many there are. Errors push warnings out: they keep from upgrading. */
export class HistoryFindings {
  readonly #errors: HistoryFinding[] = [];
  readonly #warnings: HistoryFinding[] = [];
  errors = 0;
  warnings = 0;

  add(finding: HistoryFinding): void {
    const isError = finding.severity === "error";
    if (isError) this.errors++;
    else this.warnings++;
    const kept = isError ? this.#errors : this.#warnings;
    if (kept.length < keptMax) kept.push(finding);
  }

  get first(): readonly HistoryFinding[] {
    return [...this.#errors, ...this.#warnings].slice(0, keptMax);
  }
}
