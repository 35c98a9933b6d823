/** What models and tools have used up, added up over runs. */
import type { Instant } from "../json.ts";
import type { UsageTotals } from "../model.ts";

export const usageGroups = ["agent", "model", "workflow", "tenant", "run"] as const;
export type UsageGroup = (typeof usageGroups)[number];

export interface UsageRow {
  /** The agent, model (as the project names it), workflow, tenant or run. */
  readonly name: string;
  readonly usage: UsageTotals;
  readonly runs: number;
}

/** Answer of `GET /v1/usage`: rows by money, then tokens, most first. */
export interface UsageAnswer {
  readonly by: UsageGroup;
  readonly since?: Instant;
  readonly rows: readonly UsageRow[];
  readonly total: UsageTotals;
}
