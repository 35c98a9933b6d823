import { exprLimits } from "./limits.ts";
import { type CelNode, boundName, children, loopOf, operands } from "./node.ts";
import { type ExprProblem, problem } from "./problem.ts";

/**
 * What may not stand in an expression whatever the data: regular expressions, deep nesting, reused root
 * names.
 */
export function inspect(root: CelNode, names: ReadonlySet<string>): ExprProblem | undefined {
  return inspectNode(root, { depth: 1, loops: 0 }, names);
}

interface Place {
  readonly depth: number;
  readonly loops: number;
}

function inspectNode(node: CelNode, place: Place, names: ReadonlySet<string>): ExprProblem | undefined {
  const here = inspectHere(node, place, names);
  if (here) return here;
  const loop = loopOf(node);
  for (const child of children(node)) {
    const inBody = loop?.body.includes(child) ?? false;
    const inner = { depth: place.depth + 1, loops: place.loops + (inBody ? 1 : 0) };
    const found = inspectNode(child, inner, names);
    if (found) return found;
  }
  return undefined;
}

function inspectHere(node: CelNode, place: Place, names: ReadonlySet<string>): ExprProblem | undefined {
  if (place.depth > exprLimits.astDepthMax) {
    return problem("limit", `the expression nests deeper than ${exprLimits.astDepthMax}`, node.pos);
  }
  if ((node.op === "rcall" || node.op === "call") && operands(node)[0] === "matches") {
    return problem(
      "forbidden",
      "matches() is not available: use contains, startsWith, endsWith or ==",
      node.pos,
    );
  }
  const loop = loopOf(node);
  if (loop && place.loops >= exprLimits.macroNestingMax) {
    return problem("limit", `loops nest deeper than ${exprLimits.macroNestingMax}`, node.pos);
  }
  const made = loop?.name ?? boundName(node);
  if (made !== undefined && names.has(made)) {
    return problem("forbidden", `"${made}" is taken: choose another name for the variable`, node.pos);
  }
  return undefined;
}
