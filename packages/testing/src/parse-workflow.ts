import type { WorkflowDefinition } from "@agentflow/protocol";
import { parse } from "yaml";

const aliasesMax = 20;

/** The definition as it is written; what is wrong with it is named when it is registered. */
export function parseWorkflow(text: string): WorkflowDefinition {
  return parse(text, { maxAliasCount: aliasesMax }) as WorkflowDefinition;
}
