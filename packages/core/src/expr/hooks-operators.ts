import { contains, equal } from "./equal.ts";
import { isPlain } from "./member.ts";
import type { Meter } from "./meter.ts";
import { type CelNode, type EvaluateHook, children, pair } from "./node.ts";
import { refusal } from "./problem.ts";

/**
 * Operators for JSON: numbers by value whatever their kind, and no operand is looked through only to word
 * an error, which the library does at the cost of every key. Undefined for a node that is no operator.
 */
export function operatorHook(node: CelNode, meter: Meter): EvaluateHook | undefined {
  if (node.op === "?:") return choice(node);
  if (node.op === "!_" || node.op === "-_") return unary;
  const infix = infixes[node.op] ?? (ordered.has(node.op) ? arithmetic : undefined);
  // The operands are looked up once, here: an evaluation is too short to do it each time.
  return infix?.(pair(node), meter);
}

type Operands = readonly [left: CelNode, right: CelNode];

const infixes: { readonly [op: string]: (operands: Operands, meter: Meter) => EvaluateHook } = {
  "==":
    ([left, right], meter) =>
    (ev, _node, scope) =>
      equal(ev.run(left, scope), ev.run(right, scope), meter),
  "!=":
    ([left, right], meter) =>
    (ev, _node, scope) =>
      !equal(ev.run(left, scope), ev.run(right, scope), meter),
  in: membership,
  "+": addition,
  "||": logical(true),
  "&&": logical(false),
};

const ordered = new Set(["-", "*", "/", "%", "<", "<=", ">", ">="]);

function membership([left, right]: Operands, meter: Meter): EvaluateHook {
  return (ev, node, scope) => {
    const value = ev.run(left, scope);
    const holder = ev.run(right, scope);
    const found = contains(holder, value, meter);
    if (found !== undefined) return found;
    throw refusal("type", `'in' needs a list or an object on its right, got ${kindOf(holder)}`, node.pos);
  };
}

function addition([leftNode, rightNode]: Operands, meter: Meter): EvaluateHook {
  return (ev, node, scope) => {
    const left = ev.run(leftNode, scope);
    const right = ev.run(rightNode, scope);
    if (typeof left === "string" && typeof right === "string") {
      meter.text(left.length + right.length);
      return left + right;
    }
    // Bytes double as fast as texts do.
    if (left instanceof Uint8Array && right instanceof Uint8Array) meter.text(left.length + right.length);
    if (Array.isArray(left) && Array.isArray(right)) {
      meter.list(left.length + right.length);
      const joined: unknown[] = left.concat(right);
      return joined;
    }
    refuseHolders(node, left, right);
    return node.handle(left, right, node, ev);
  };
}

function arithmetic([leftNode, rightNode]: Operands, meter: Meter): EvaluateHook {
  return (ev, node, scope) => {
    const left = ev.run(leftNode, scope);
    const right = ev.run(rightNode, scope);
    if (typeof left === "string" && typeof right === "string") meter.compare(left, right);
    refuseHolders(node, left, right);
    return node.handle(left, right, node, ev);
  };
}

function refuseHolders(node: CelNode, left: unknown, right: unknown): void {
  if (!isHolder(left) && !isHolder(right)) return;
  throw refusal("type", `no such overload: ${kindOf(left)} ${node.op} ${kindOf(right)}`, node.pos);
}

const unary: EvaluateHook = (ev, node, scope) => {
  const value = ev.run(node.args, scope);
  if (!isHolder(value)) return node.handle(value, node, ev);
  throw refusal("type", `no such overload: ${node.op.charAt(0)}${kindOf(value)}`, node.pos);
};

function choice(node: CelNode): EvaluateHook {
  const [condition, yes, no] = children(node);
  return (ev, _node, scope) => {
    const value = ev.run(condition, scope);
    if (typeof value === "boolean") return ev.run(value ? yes : no, scope);
    throw refusal("type", `the condition of '? :' must be a bool, got ${kindOf(value)}`, condition?.pos);
  };
}

/** A failing left side does not matter when the right side decides alone: that is CEL's rule. */
function logical(decisive: boolean): (operands: Operands, meter: Meter) => EvaluateHook {
  return ([leftNode, rightNode], meter) =>
    (ev, _node, scope) => {
      let failure: { error: unknown } | undefined;
      let left: unknown;
      try {
        left = ev.run(leftNode, scope);
      } catch (error) {
        meter.failure();
        failure = { error };
      }
      if (left === decisive) return decisive;
      const right = ev.run(rightNode, scope);
      if (right === decisive) return decisive;
      if (failure) throw failure.error;
      if (typeof left === "boolean" && typeof right === "boolean") return !decisive;
      const [at, wrong] = typeof left === "boolean" ? [rightNode, right] : [leftNode, left];
      throw refusal("type", `Logical operator requires bool operands, got '${kindOf(wrong)}'`, at.pos);
    };
}

function isHolder(value: unknown): boolean {
  return typeof value === "object" && value !== null && (Array.isArray(value) || isPlain(value));
}

/** The word for a value's type in an error. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "object":
      return isPlain(value) ? "object" : value.constructor.name.toLowerCase();
    default:
      return typeof value;
  }
}
