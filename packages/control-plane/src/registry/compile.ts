import { catalogOf } from "@agentflow/core/plan";
import { compileWorkflow } from "@agentflow/core/planner";
import {
  AgentFlowError,
  type Callable,
  type Finding,
  type Plan,
  type WorkflowDefinition,
} from "@agentflow/protocol";

export interface Compiled {
  readonly plan: Plan;
  /** Warnings; errors are thrown. */
  readonly findings: readonly Finding[];
}

export interface CompileOptions {
  readonly version: string;
  readonly tools: readonly Callable[];
  readonly agents: readonly Callable[];
  readonly strict: boolean;
}

/** A definition as a plan; one with errors is `invalid_project`, with every finding in its details. */
export function compile(definition: WorkflowDefinition, options: CompileOptions): Compiled {
  const { version, strict } = options;
  const catalog = catalogOf(options, { strict });
  const { plan, findings } = compileWorkflow(definition, catalog, { version });
  const errors = findings.filter(({ severity }) => severity === "error");
  if (plan !== undefined && errors.length === 0) return { plan, findings };
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const message =
    first === undefined ? "the workflow cannot be compiled" : `${first.code}: ${first.message}${more}`;
  throw new AgentFlowError("invalid_project", message, {
    reason: "invalid_workflow",
    details: { workflow: definition.name, findings },
    suggestions: ["af validate"],
  });
}
