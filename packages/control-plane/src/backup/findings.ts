import type { RunId, TenantId } from "@agentflow/protocol";

/** What is wrong with a copy. An error means that something is not in it; a warning was so before. */
export interface Finding {
  readonly code: "history_broken" | "history_newer" | "blob_missing" | "blob_lost" | "blob_damaged";
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly tenant?: TenantId;
  readonly run?: RunId;
  readonly revision?: number;
  /** The blob, and what names it. */
  readonly key?: string;
  readonly by?: string;
}

const keptMax = 100;

/** The first of them, and how many there are: a copy of a million runs may have a million faults. */
export class Findings {
  readonly first: Finding[] = [];
  errors = 0;
  warnings = 0;

  add(finding: Finding): void {
    if (finding.severity === "error") this.errors++;
    else this.warnings++;
    if (this.first.length < keptMax) this.first.push(finding);
  }
}
