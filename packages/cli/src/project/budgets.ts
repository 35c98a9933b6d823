/** What one run may use up, where its workflow does not say: the project's `budgets`. */
import type { BudgetDefinition, WorkflowDefinition } from "@agentflow/protocol";
import type { Project } from "./read-project.ts";

/** A workflow with budgets of its own keeps them as they are: the two are not mixed. */
export function withBudgets(project: Project, definition: WorkflowDefinition): WorkflowDefinition {
  if (definition.budgets !== undefined) return definition;
  const budgets = budgetsOf(project);
  return budgets === undefined ? definition : { ...definition, budgets };
}

function budgetsOf({ files }: Project): BudgetDefinition | undefined {
  const root: unknown = files.get("agentflow.yaml")?.value;
  const given: unknown =
    typeof root === "object" && root !== null && "budgets" in root ? root.budgets : undefined;
  if (typeof given !== "object" || given === null) return undefined;
  // What is wrong with it is told where the file is checked.
  const budgets = {
    ...("usd" in given && typeof given.usd === "number" ? { usd: given.usd } : {}),
    ...("tokens" in given && typeof given.tokens === "number" ? { tokens: given.tokens } : {}),
    ...("time" in given && typeof given.time === "string" ? { time: given.time } : {}),
  };
  return Object.keys(budgets).length === 0 ? undefined : budgets;
}
