/**
 * The parts of the interpreter's syntax tree that its public types leave out. They belong to the pinned
 * version 8.0.0; `hooks.test.ts` fails when a newer one changes them.
 */
export interface CelNode {
  readonly op: string;
  readonly args: unknown;
  readonly input: string;
  readonly pos: number;
  readonly start: number;
  readonly end: number;
  readonly meta: NodeMeta;
  readonly checkedType?: CelType;
  readonly receiverWithArgs?: readonly unknown[];
  /** Set by the checker: what the operator does once its operands are known. */
  readonly handle: (...operands: unknown[]) => unknown;
  setMeta(key: "check" | "evaluate", hook: CheckHook | EvaluateHook): unknown;
}

export interface NodeMeta {
  readonly check: CheckHook;
  readonly evaluate: EvaluateHook;
  /** A loop that a macro call stands for. */
  readonly alternate?: CelNode;
  readonly macro?: Macro;
}

export interface Macro {
  typeCheck?: (checker: Checker, macro: Macro, scope: Scopes) => CelType;
  evaluate?: (evaluator: Evaluator, macro: Macro, scope: Scopes) => unknown;
  readonly bindCtx?: LoopScope;
}

export type CheckHook = (checker: Checker, node: CelNode, scope: Scopes) => CelType;
export type EvaluateHook = (evaluator: Evaluator, node: CelNode, scope: Scopes) => unknown;

export interface CelType {
  readonly kind: string;
  readonly name: string;
  readonly valueType?: CelType;
  readonly keyType?: CelType;
}

export interface Checker {
  readonly boolType: CelType;
  readonly doubleType: CelType;
  readonly dynType: CelType;
  readonly listType: CelType;
  check(node: CelNode, scope: Scopes): CelType;
}

export interface Evaluator {
  run(node: unknown, scope: Scopes): unknown;
}

export interface Scopes {
  getValue(name: string): unknown;
}

/** A loop's own scope; it outlives the evaluation, so it must not keep what it pointed at. */
export interface LoopScope {
  reuse(parent: unknown): unknown;
  iterValue?: unknown;
  accuValue?: unknown;
}

export function isCelNode(value: unknown): value is CelNode {
  return typeof value === "object" && value !== null && "setMeta" in value && "meta" in value;
}

/** The operands of a node that are nodes themselves, in source order. */
export function children(node: CelNode): CelNode[] {
  return operands(node).flat(2).filter(isCelNode);
}

export function operands(node: CelNode): unknown[] {
  return Array.isArray(node.args) ? node.args : [node.args];
}

/** The first two operands of an infix operator or an index. */
export function pair(node: CelNode): [CelNode, CelNode] {
  const [left, right] = children(node);
  if (!left || !right) throw new TypeError(`'${node.op}' without two operands`);
  return [left, right];
}

const loops = new Set(["map/2", "map/3", "filter/2", "all/2", "exists/2", "exists_one/2"]);

/** The parts of a loop (`xs.map(x, body)`), or undefined when the node is none. */
export function loopOf(node: CelNode): { receiver: CelNode; name: string; body: CelNode[] } | undefined {
  if (node.op !== "rcall") return undefined;
  const [name] = operands(node);
  const [receiver, variable, ...body] = children(node);
  if (!receiver || variable?.op !== "id" || !loops.has(`${String(name)}/${body.length + 1}`))
    return undefined;
  return { receiver, name: String(variable.args), body };
}

/** The variable that `cel.bind(name, value, body)` makes. */
export function boundName(node: CelNode): string | undefined {
  if (node.op !== "rcall" || operands(node)[0] !== "bind") return undefined;
  const [receiver, variable] = children(node);
  return receiver?.op === "id" && receiver.args === "cel" && variable?.op === "id"
    ? String(variable.args)
    : undefined;
}
