/** The plan: the one form that every planner compiles to. Stored by its hash; a run names the hash. */
import type { PoolName, StepId } from "./ids.ts";
import type { Json, JsonSchema } from "./json.ts";
import type { TaskBudget } from "./budget.ts";
import type { Effect, Join } from "./workflow.ts";

export interface Plan {
  readonly v: 1;
  readonly kind: "plan";
  readonly workflow: string;
  /** First 12 hex digits of the SHA-256 of the definition as authored. */
  readonly version: string;
  readonly planner: "static";
  readonly input?: JsonSchema;
  readonly timeoutMs?: number;
  /** What one run may use up; runs of it are given the least of this and of what is left. */
  readonly budget?: TaskBudget;
  readonly steps: { readonly [step: string]: PlanStep };
  readonly output: Json;
}

export type PlanUses =
  | { readonly kind: "tool"; readonly name: string }
  | { readonly kind: "agent"; readonly name: string }
  /** A question to a person: the step's output is the answer. */
  | { readonly kind: "human"; readonly name: "approve" }
  | { readonly kind: "set" }
  | { readonly kind: "wait" }
  | { readonly kind: "emit" };

export interface PlanStep {
  readonly uses: PlanUses;
  readonly with: Json;
  /** Every step that comes before: written and inferred from expressions, without repeats, in plan order. */
  readonly needs: readonly StepId[];
  readonly join: Join;
  readonly effect: Effect;
  readonly pool: PoolName;
  readonly if?: string;
  readonly forEach?: { readonly in: string; readonly as: string; readonly maxParallel: number };
  readonly retry: PlanRetry;
  readonly timeoutMs?: number;
  readonly catch?: PlanCatch;
  readonly select?: string;
  readonly approval?: { readonly text?: string; readonly expiresMs: number };
}

export interface PlanRetry {
  readonly max: number;
  readonly backoffMs: number;
  readonly factor: number;
  readonly maxBackoffMs: number;
  readonly nonRetryable: readonly string[];
}

export type PlanCatch = { readonly when?: string } & (
  | { readonly handler: StepId }
  | { readonly value: Json }
);

/**
 * One fault of a project, numbered, with its place. Printed by `af validate`, thrown as
 * `invalid_project`.
 */
export interface Finding {
  /** `AF101` and so on: stable, documented in the reference. */
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
  /** JSON pointer within the file's document. */
  readonly path?: string;
}
