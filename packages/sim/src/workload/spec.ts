/** A workflow as the generator thought of it: enough for a checker to know what must come out. */
import type { Join, StepDefinition, WorkflowDefinition } from "@agentflow/protocol";
import { apiVersion } from "@agentflow/protocol";

/** What sets the other body apart that somebody uses under an id that is taken. */
export const otherBase = 1_000;

export type StepKind = "add" | "pay" | "big" | "set" | "wait" | "emit" | "each" | "think";

export interface StepSpec {
  readonly id: string;
  readonly kind: StepKind;
  /** What the step adds to the sum of what it reads. */
  readonly by: number;
  /** Steps whose outputs it reads, in the order of `x`. */
  readonly from: readonly string[];
  /** Steps it only comes after. */
  readonly after: readonly string[];
  readonly join: Join;
  /** False: skipped. */
  readonly wanted: boolean;
  readonly takesMs: number;
  /** So many first attempts fail, or hang until their timeout. */
  readonly fails: number;
  readonly hangs: number;
  /** A hanging call that does not listen when it is told to stop. */
  readonly deaf: boolean;
  readonly attemptsMax: number;
  readonly backoffMs: number;
  readonly timeoutMs?: number;
  /** What the step is worth when it failed. */
  readonly caught?: { readonly value: number; readonly handler?: string };
  /** Called when this step fails; never begins by itself. */
  readonly handlerOf?: string;
  readonly maxParallel: number;
  /** A person is asked before it begins. */
  readonly approval?: { readonly expiresMs: number };
  /** So many first attempts of an agent end to wait for people. */
  readonly asks?: number;
  /** A model does it: the agent `solver` in the place of the tool. */
  readonly solves?: true;
}

export interface WorkflowSpec {
  readonly name: string;
  readonly steps: readonly StepSpec[];
  readonly timeoutMs?: number;
  /** What models of one run may use up. */
  readonly tokens?: number;
  /** Steps whose outputs make the run's output. */
  readonly sinks: readonly string[];
}

export function definitionOf(spec: WorkflowSpec): WorkflowDefinition {
  const steps = Object.fromEntries(spec.steps.map((step) => [step.id, stepOf(step)]));
  const output = { total: spec.sinks.map(read) };
  const timeout = spec.timeoutMs === undefined ? {} : { timeout: `${spec.timeoutMs}ms` };
  const budgets = spec.tokens === undefined ? {} : { budgets: { tokens: spec.tokens } };
  return { apiVersion, kind: "Workflow", name: spec.name, steps, output, ...timeout, ...budgets };
}

function stepOf(step: StepSpec): StepDefinition {
  const needs = [...step.from, ...step.after];
  return {
    uses: usesOf(step),
    with: withOf(step),
    ...(needs.length === 0 ? {} : { needs }),
    ...(step.join === "all" ? {} : { join: step.join }),
    ...(step.wanted ? {} : { if: "input.base < 0" }),
    ...(step.kind === "each" ? { forEach: { in: "input.items", maxParallel: step.maxParallel } } : {}),
    ...(step.attemptsMax > 1 ? { retry: { max: step.attemptsMax, backoff: `${step.backoffMs}ms` } } : {}),
    ...(step.timeoutMs === undefined ? {} : { timeout: `${step.timeoutMs}ms` }),
    ...(step.approval === undefined
      ? {}
      : { approval: { text: "May it add ${input.base}?", expires: `${step.approval.expiresMs}ms` } }),
    ...(step.kind === "big" ? { select: "output.value" } : {}),
    ...(step.caught === undefined
      ? {}
      : { catch: { then: step.caught.handler ?? { value: step.caught.value } } }),
  };
}

function usesOf({ kind, solves }: StepSpec): string {
  if (solves) return "agent:solver";
  if (kind === "think") return "agent:think";
  if (kind === "each") return "tool:sim.add";
  return kind === "set" || kind === "wait" || kind === "emit" ? kind : `tool:sim.${kind}`;
}

function withOf(step: StepSpec): NonNullable<StepDefinition["with"]> {
  const x = step.from.map(read);
  switch (step.kind) {
    case "set":
      return { x, by: step.by };
    case "wait":
      return { for: `${step.takesMs}ms` };
    case "emit":
      return { event: "noticed", data: { x } };
    default: {
      const { by, takesMs, fails, hangs, deaf } = step;
      const own = step.kind === "each" ? "${item}" : "${input.base}";
      const asks = step.asks === undefined ? {} : { asks: step.asks };
      return { x: [own, ...x], by, takesMs, fails, hangs, deaf, ...asks };
    }
  }
}

/** A step that was skipped, failed or has not ended is worth nothing. */
function read(id: string): string {
  return `\${steps.?${id}.?output.orValue(0)}`;
}
