/** What may be used up: as it is authored, and as a task carries it. */

/** What one run may use up; it is stopped and asks when it reaches the first of them. */
export interface BudgetDefinition {
  readonly usd?: number;
  readonly tokens?: number;
  readonly time?: string;
}

export interface TaskBudget {
  readonly tokens?: number;
  /** A decimal string. */
  readonly usd?: string;
}
