/** The budgets of the whole product, embedded, fsync before each answer, on a quiet machine. */
export const budgets = {
  w1P50: { most: 1.7 },
  w1P95: { most: 4 },
  w2P50: { most: 5.5 },
  w2PerSec: { least: 1_400 },
  w3PerSec: { least: 10_000 },
  w3Cpu: { most: 0.12 },
  w4P50: { most: 4 },
  memoryAfter: { most: 150 },
  rateAfter: { least: 95 },
} as const;

/** Over POST instead of the SDK's socket, where that makes a difference. */
export const postBudgets = { w3PerSec: { least: 5_000 }, w3Cpu: { most: 0.3 } } as const;

export type Budget = { readonly most: number } | { readonly least: number };

/** What a row is held to; nothing for anybody else's. */
export function budgetsOf(system: string): { readonly [column: string]: Budget } {
  if (system === "agentflow-embedded") return budgets;
  if (system === "agentflow-embedded-post") return { ...budgets, ...postBudgets };
  return {};
}

export function isWithin(value: number, budget: Budget): boolean {
  return "most" in budget ? value <= budget.most : value >= budget.least;
}
