import { EvaluationError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import {
  type CelNode,
  type CelType,
  type CheckHook,
  type Checker,
  type Macro,
  type Scopes,
  children,
  pair,
} from "./node.ts";

/**
 * Widens the checker where CEL's static rules are stricter than JSON needs: numbers are one kind under
 * `==`, `in` and list `+`; anything compares with null; the branches of `? :` and the default of `orValue`
 * may differ in type; a number may index a list. Call before the tree is checked. With `numbers: "double"`
 * integer literals count as JSON numbers (for checking only, never before evaluating).
 */
export function relax(node: CelNode, options: { numbers: "int" | "double" }): void {
  for (const child of children(node)) relax(child, options);
  const hook = hooks[node.op];
  if (hook) node.setMeta("check", hook(node.meta.check));
  if (node.op === "[]" || node.op === "[?]") node.setMeta("check", index(node.meta.check));
  else if (options.numbers === "double" && typeof node.args === "bigint") node.setMeta("check", asDouble);
  if (node.meta.macro?.typeCheck) relaxMacro(node.meta.macro, node.meta.macro.typeCheck);
}

const hooks: { readonly [op: string]: (original: CheckHook) => CheckHook } = {
  "==": comparison,
  "!=": comparison,
  in: membership,
  "+": addition,
  "?:": ternary,
};

const asDouble: CheckHook = (checker) => checker.doubleType;

function comparison(original: CheckHook): CheckHook {
  return (checker, node, scope) => {
    const [left, right] = checkPair(checker, node, scope);
    return comparable(left, right) ? checker.boolType : original(checker, node, scope);
  };
}

function membership(original: CheckHook): CheckHook {
  return (checker, node, scope) => {
    const [, right] = checkPair(checker, node, scope);
    const holds = ["list", "map", "dyn"].includes(right.kind) || isObject(right);
    return holds ? checker.boolType : original(checker, node, scope);
  };
}

function addition(original: CheckHook): CheckHook {
  return (checker, node, scope) => {
    const [left, right] = checkPair(checker, node, scope);
    if (left.kind === "list" && left.name === right.name) return left;
    const bothMayBe = [left, right].every((type) => type.kind === "list" || type.kind === "dyn");
    const oneIs = left.kind === "list" || right.kind === "list";
    return bothMayBe && oneIs ? checker.listType : original(checker, node, scope);
  };
}

function ternary(original: CheckHook): CheckHook {
  return (checker, node, scope) =>
    orDyn("incompatible_ternary_branches", checker, () => original(checker, node, scope));
}

function index(original: CheckHook): CheckHook {
  return (checker, node, scope) => {
    const [list, at] = checkPair(checker, node, scope);
    const numeric = list.kind === "list" && at.name === "double" && list.valueType;
    return numeric && node.op === "[]" ? numeric : original(checker, node, scope);
  };
}

function relaxMacro(
  macro: Macro,
  original: (checker: Checker, macro: Macro, scope: Scopes) => CelType,
): void {
  macro.typeCheck = (checker, self, scope) =>
    orDyn("incompatible_argument_type", checker, () => original(checker, self, scope));
}

function orDyn(code: string, checker: Checker, check: () => CelType): CelType {
  try {
    return check();
  } catch (error) {
    const typed = error instanceof CelTypeError || error instanceof EvaluationError;
    if (typed && error.code === code) return checker.dynType;
    throw error;
  }
}

function checkPair(checker: Checker, node: CelNode, scope: Scopes): [CelType, CelType] {
  const [left, right] = pair(node);
  return [checker.check(left, scope), checker.check(right, scope)];
}

function comparable(left: CelType, right: CelType): boolean {
  const [a, b] = [kindOf(left), kindOf(right)];
  return a === b || [a, b].some((kind) => kind === "dyn" || kind === "null");
}

function kindOf(type: CelType): string {
  if (["int", "uint", "double"].includes(type.name)) return "number";
  if (type.kind === "primitive") return type.name;
  return isObject(type) ? "map" : type.kind === "message" ? type.name : type.kind;
}

/** Types that stand for a JSON object with known properties. */
function isObject(type: CelType): boolean {
  return type.kind === "message" && type.name.startsWith("object_");
}
