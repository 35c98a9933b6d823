import { checkSchema } from "@agentflow/core/plan";
import { AgentFlowError, type Json, type JsonSchema } from "@agentflow/protocol";

/** Refuses an input that does not fit the workflow's schema, naming the place of each fault. */
export function checkInput(schema: JsonSchema | undefined, input: Json, workflow: string): void {
  if (schema === undefined) return;
  const problems = checkSchema(schema, input);
  const [first] = problems;
  if (first === undefined) return;
  const where = first.path === "" ? "the input" : `input${first.path}`;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  throw new AgentFlowError("invalid_input", `workflow ${workflow}: ${where} ${first.message}${more}`, {
    reason: "input_mismatch",
    details: { workflow, problems: problems.slice(0, 20) },
    suggestions: [`af workflow inspect ${workflow}`],
  });
}
