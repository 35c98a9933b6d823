import { Optional } from "@marcbachmann/cel-js";
import { contains, equal } from "./equal.ts";
import { exprLimits } from "./limits.ts";
import { absent, member } from "./member.ts";
import type { Meter } from "./meter.ts";
import {
  type CelNode,
  type EvaluateHook,
  type Macro,
  boundName,
  children,
  isCelNode,
  loopOf,
  operands,
  pair,
} from "./node.ts";
import { refusal } from "./problem.ts";

/**
 * Bounds a checked tree and makes it safe for JSON: every loop, call, text and list is charged to the meter before it
 * costs anything; data is read by own keys only; `==`, `in` and `+` treat numbers by value. Call once, after the
 * check and before the first evaluation.
 */
export function bound(node: CelNode, names: ReadonlySet<string>, meter: Meter): void {
  for (const child of children(node)) bound(child, names, meter);
  const { alternate, macro } = node.meta;
  if (alternate?.op === "comprehension") alternate.setMeta("evaluate", loop(alternate, workOfBody(node), meter));
  else if (macro) forgetful(macro);
  else {
    const hook = hookOf(node, names, meter);
    if (hook) node.setMeta("evaluate", hook);
  }
}

function hookOf(node: CelNode, names: ReadonlySet<string>, meter: Meter): EvaluateHook | undefined {
  switch (node.op) {
    case "id":
      return names.has(String(node.args)) ? root : undefined;
    case ".":
    case "[]":
      return access(false);
    case ".?":
    case "[?]":
      return access(true);
    case "==":
      return (ev, at, scope) => equal(...runPair(ev, at, scope), meter);
    case "!=":
      return (ev, at, scope) => !equal(...runPair(ev, at, scope), meter);
    case "in":
      return membership(meter);
    case "+":
      return addition(meter);
    case "call":
    case "rcall":
      return call(meter);
    case "map":
      return mapLiteral;
    default:
      return undefined;
  }
}

const root: EvaluateHook = (_ev, node, scope) => {
  const name = String(node.args);
  const value = scope.getValue(name);
  if (isData(value)) return value;
  throw refusal("unknown_name", `Unknown variable: ${name}`, node.pos);
};

/** A name that an object inherits, such as `toString`, is not there. */
export function isData(value: unknown): boolean {
  return value !== undefined && typeof value !== "function";
}

function access(optional: boolean): EvaluateHook {
  return (ev, node, scope) => {
    const [left, written] = operands(node);
    const owner = ev.run(left, scope);
    const key = isCelNode(written) ? ev.run(written, scope) : written;
    if (owner instanceof Optional) return Optional.of(member(owner.orValue(undefined), key));
    const value = member(owner, key);
    if (optional) return Optional.of(value);
    if (value !== undefined) return value;
    throw absent(owner, { key, text: sourceOf(left), offset: node.pos });
  };
}

export function sourceOf(node: unknown): string {
  return isCelNode(node) ? node.input.slice(node.start, node.end) : "";
}

function membership(meter: Meter): EvaluateHook {
  return (ev, node, scope) => {
    const [value, holder] = runPair(ev, node, scope);
    const found = contains(holder, value, meter);
    if (found !== undefined) return found;
    throw refusal("type", "'in' needs a list or an object on its right", node.pos);
  };
}

function addition(meter: Meter): EvaluateHook {
  return (ev, node, scope) => {
    const [left, right] = runPair(ev, node, scope);
    if (typeof left === "string" && typeof right === "string") {
      meter.text(left.length + right.length);
      return left + right;
    }
    if (Array.isArray(left) && Array.isArray(right)) {
      meter.list(left.length + right.length);
      const joined: unknown[] = left.concat(right);
      return joined;
    }
    return node.handle(left, right, node, ev);
  };
}

function runPair(
  ev: Parameters<EvaluateHook>[0],
  node: CelNode,
  scope: Parameters<EvaluateHook>[2],
): [unknown, unknown] {
  const [left, right] = pair(node);
  return [ev.run(left, scope), ev.run(right, scope)];
}

function call(meter: Meter): EvaluateHook {
  return (ev, node, scope) => {
    const name = String(operands(node)[0]);
    const args = argumentsOf(node).map((argument) => ev.run(argument, scope));
    for (const argument of args) meter.size(argument);
    guard(name, args, meter);
    const value = node.op === "rcall" ? node.handle(args, ev, node) : node.handle(args, node, ev);
    if (typeof value === "string") meter.text(value.length);
    else if (Array.isArray(value)) meter.list(value.length);
    return value;
  };
}

function argumentsOf(node: CelNode): readonly unknown[] {
  if (node.op === "rcall") return node.receiverWithArgs ?? [];
  const args = operands(node)[1];
  return Array.isArray(args) ? args : [];
}

/** Functions of the library that could cost far more than their arguments' size. */
function guard(name: string, args: readonly unknown[], meter: Meter): void {
  const [first, second] = args;
  if (name === "duration" && typeof first === "string" && first.length > exprLimits.durationCharsMax) {
    throw refusal("value", `Invalid duration string: longer than ${exprLimits.durationCharsMax} characters`);
  }
  if (name === "join" && Array.isArray(first)) {
    const each = typeof second === "string" ? second.length : 0;
    let chars = 0;
    for (const item of first) chars += each + (typeof item === "string" ? item.length : 0);
    meter.text(chars);
  }
  // A look-up in the time zone database takes about 50 us.
  if (name.startsWith("get") && typeof second === "string") meter.spend(2_000);
}

/** The library's own map literal drops keys like `constructor`; in JSON they are data. */
const mapLiteral: EvaluateHook = (ev, node, scope) => {
  const made: { [key: string]: unknown } = {};
  for (const entry of operands(node)) {
    const [key, value] = Array.isArray(entry) ? entry.map((part) => ev.run(part, scope)) : [];
    if (typeof key === "object" || key === undefined) {
      throw refusal("type", "a key of an object must be a string, a number or a bool", node.pos);
    }
    Object.defineProperty(made, String(key), { value, enumerable: true, writable: true, configurable: true });
  }
  return made;
};

function loop(node: CelNode, work: number, meter: Meter): EvaluateHook {
  const { iterable } = loopParts(node);
  return (ev, _node, scope) => {
    const items = ev.run(iterable, scope);
    meter.loop(countOf(items), work);
    const parts = loopParts(node);
    try {
      return node.handle(items, node.args, ev, scope);
    } finally {
      forget(parts.iterCtx);
    }
  };
}

interface LoopParts {
  readonly iterable: unknown;
  readonly iterCtx?: NonNullable<Macro["bindCtx"]>;
}

function loopParts(node: CelNode): LoopParts {
  if (isLoopParts(node.args)) return node.args;
  throw new TypeError("a loop without a range");
}

function isLoopParts(args: unknown): args is LoopParts {
  return typeof args === "object" && args !== null && "iterable" in args;
}

function countOf(items: unknown): number {
  if (Array.isArray(items)) return items.length;
  return typeof items === "object" && items !== null ? Object.keys(items).length : 0;
}

/** Compiled trees are kept; what they last looped over must not be. */
function forget(scope: LoopParts["iterCtx"]): void {
  if (!scope) return;
  scope.reuse(undefined);
  scope.iterValue = undefined;
  scope.accuValue = undefined;
}

function forgetful(macro: Macro): void {
  const evaluate = macro.evaluate;
  if (!("bindCtx" in macro) || !evaluate) return;
  macro.evaluate = (ev, self, scope) => {
    try {
      return evaluate(ev, self, scope);
    } finally {
      forget(self.bindCtx);
    }
  };
}

const workOf: { readonly [op: string]: number } = { call: 8, rcall: 8, list: 3, map: 6, "?:": 2 };

/** One round's work: every node of the body, except the bodies of loops in it, which charge for themselves. */
function workOfBody(node: CelNode): number {
  const body = loopOf(node)?.body ?? [];
  return 4 + body.reduce((sum, part) => sum + workOfTree(part), 0);
}

function workOfTree(node: CelNode): number {
  const inner = loopOf(node);
  const parts = inner ? [inner.receiver] : boundName(node) === undefined ? children(node) : children(node).slice(2);
  return parts.reduce((sum, part) => sum + workOfTree(part), workOf[node.op] ?? 2);
}
