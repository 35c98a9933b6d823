/** The budgets of the whole product, embedded, fsync before each answer, on a quiet machine. */
export const budgets = {
  w1P50: { most: 1.7 },
  w1P95: { most: 4 },
  w2P50: { most: 5.5 },
  w2PerSec: { least: 1_400 },
  w3PerSec: { least: 10_000 },
  w3Cpu: { most: 0.12 },
  w4P50: { most: 4 },
  w6TurnP95: { most: 10 },
  memoryAfter: { most: 150 },
  rateAfter: { least: 95 },
} as const;

/** The same on NATS, by what an acknowledgement stands on. */
export const natsBudgets = {
  w1P50: { most: 2 },
  w1P95: { most: 4 },
  w2P50: { most: 8 },
  w2PerSec: { least: 600 },
  w3PerSec: { least: 4_200 },
  w3Cpu: { most: 0.4 },
  w4P50: { most: 13 },
  w6TurnP95: { most: 10 },
  memoryAfter: { most: 150 },
  rateAfter: { least: 93 },
} as const;

export const natsFsyncBudgets = {
  w1P50: { most: 3.5 },
  w1P95: { most: 7 },
  w2P50: { most: 20 },
  w2PerSec: { least: 150 },
  w3PerSec: { least: 1_300 },
  w3Cpu: { most: 1.2 },
  w4P50: { most: 50 },
  memoryAfter: { most: 150 },
} as const;

/** Over POST instead of the SDK's socket, where that makes a difference. */
export const postBudgets = { w3PerSec: { least: 5_000 }, w3Cpu: { most: 0.3 } } as const;

export type Budget = { readonly most: number } | { readonly least: number };

/** What a row is held to; nothing for anybody else's. */
export function budgetsOf(system: string): { readonly [column: string]: Budget } {
  if (system === "agentflow-embedded") return budgets;
  if (system === "agentflow-embedded-post") return { ...budgets, ...postBudgets };
  if (system === "agentflow-nats") return natsBudgets;
  if (system === "agentflow-nats-post") {
    return { ...natsBudgets, w3PerSec: { least: 2_400 }, w3Cpu: { most: 0.7 } };
  }
  if (system === "agentflow-nats-fsync") return natsFsyncBudgets;
  return {};
}

export function isWithin(value: number, budget: Budget): boolean {
  return "most" in budget ? value <= budget.most : value >= budget.least;
}
