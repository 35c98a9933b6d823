/** A workflow as authored: `workflows/*.yaml`, or `defineWorkflow` in TypeScript. */
import type { Json, JsonSchema } from "./json.ts";
import type { BudgetDefinition } from "./budget.ts";

export const apiVersion = "agentflow.dev/v1";

/** What a tool or agent does to the world; decides what may be repeated after a crash. */
export const effects = ["pure", "read", "write", "irreversible"] as const;
export type Effect = (typeof effects)[number];

export interface WorkflowDefinition {
  readonly apiVersion: typeof apiVersion;
  readonly kind: "Workflow";
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the run's input; a run whose input does not match is refused at the door. */
  readonly input?: JsonSchema;
  readonly planner?: { readonly kind: "static" };
  /** The whole run ends as failed (`timeout`) after this long. */
  readonly timeout?: string;
  /** What one run may use up; the project's `budgets` where left out. */
  readonly budgets?: BudgetDefinition;
  readonly steps: { readonly [step: string]: StepDefinition };
  /** A template over `steps` and `input`; without one the output is null. */
  readonly output?: Json;
}

export type Join = "all" | "any" | "settled" | `n:${number}`;

export interface StepDefinition {
  readonly description?: string;
  /** `tool:<file>.<export>`, `agent:<name>`, `human:approve`, `set`, `wait` or `emit`. */
  readonly uses: string;
  /** A template: any JSON; a string that is one `${ }` keeps the value's type. */
  readonly with?: Json;
  /** Steps that come before, beside those that expressions read. */
  readonly needs?: readonly string[];
  /** Bare CEL; when false the step is skipped. */
  readonly if?: string;
  /** Which of `needs` must be done: all (default), any, n of them, or all ended whatever way. */
  readonly join?: Join;
  readonly forEach?: ForEachDefinition;
  readonly retry?: RetryDefinition;
  /** Longest one attempt may take on a worker. */
  readonly timeout?: string;
  readonly catch?: CatchDefinition;
  /** Bare CEL over `output`, computed on the worker: what expressions see when the output is big. */
  readonly select?: string;
  /** The pool of workers that takes the step's tasks; `default` when left out. */
  readonly pool?: string;
  /** A person is asked before the step begins; denied, it fails as `approval_denied`. */
  readonly approval?: ApprovalDefinition | true;
}

export interface ApprovalDefinition {
  /** Template: why it is asked. */
  readonly text?: string;
  /** How long an answer is waited for; then it counts as denied. */
  readonly expires?: string;
}

export interface ForEachDefinition {
  /** Bare CEL that gives a list of at most 10,000 items. */
  readonly in: string;
  /** A second name for `item` in expressions of this step. */
  readonly as?: string;
  readonly maxParallel?: number;
}

export interface RetryDefinition {
  /** Attempts in all, the first included. */
  readonly max: number;
  /** Wait before the second attempt; doubled (`factor`) each time up to `maxBackoff`. */
  readonly backoff?: string;
  readonly factor?: number;
  readonly maxBackoff?: string;
  /** Failure codes that end the step at once. */
  readonly nonRetryable?: readonly string[];
}

export interface CatchDefinition {
  /** Bare CEL over `error` ({code, message, details}); without it every failure is caught. */
  readonly when?: string;
  /** The name of a handler step, or a template whose value becomes this step's output. */
  readonly then: Json;
}
