/** What compiles a step's `select`. */
import type { Compiled, ExprProblem } from "@agentflow/core/expr";

export type CompileSelect = (source: string) => Promise<Compiled | ExprProblem> | Compiled | ExprProblem;

/** Most projects have no `select`: the expression library is loaded with the first one. */
export const compileSelectLater: CompileSelect = async (source) => {
  const { compileExpression } = await import("@agentflow/core/expr");
  return compileExpression(source);
};
