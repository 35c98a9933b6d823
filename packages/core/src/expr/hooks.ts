import { Optional } from "@marcbachmann/cel-js";
import { kindOf, operatorHook } from "./hooks-operators.ts";
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
} from "./node.ts";
import { refusal } from "./problem.ts";

/**
 * Bounds a checked tree and makes it safe for JSON: every loop, call, text and list is charged to the meter
 * before it costs anything; data is read by own keys only; `==`, `in` and `+` treat numbers by value. Call
 * once, after the check and before the first evaluation.
 */
export function bound(node: CelNode, names: ReadonlySet<string>, meter: Meter): void {
  for (const child of children(node)) bound(child, names, meter);
  const { alternate, macro } = node.meta;
  if (alternate?.op === "comprehension")
    alternate.setMeta("evaluate", loop(alternate, workOfBody(node), meter));
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
      return access(node, false);
    case ".?":
    case "[?]":
      return access(node, true);
    case "call":
    case "rcall":
      return call(node, meter);
    case "map":
      return mapLiteral;
    default:
      return operatorHook(node, meter);
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

function access(node: CelNode, optional: boolean): EvaluateHook {
  const [left, written] = operands(node);
  const computed = isCelNode(written);
  return (ev, _node, scope) => {
    const owner = ev.run(left, scope);
    const key = computed ? ev.run(written, scope) : written;
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

function call(node: CelNode, meter: Meter): EvaluateHook {
  const name = String(operands(node)[0]);
  const written = argumentsOf(node);
  return (ev, _node, scope) => {
    const args = written.map((argument) => ev.run(argument, scope));
    meter.spend(1);
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
  if (name === "duration" && typeof first === "string") {
    if (first.length > exprLimits.durationCharsMax) {
      throw refusal(
        "value",
        `Invalid duration string: longer than ${exprLimits.durationCharsMax} characters`,
      );
    }
    // Its pattern tries each digit as the first, and from there each as the last.
    meter.spend(first.length ** 2);
  }
  if (name === "join" && Array.isArray(first)) {
    const each = typeof second === "string" ? second.length : 0;
    let chars = 0;
    for (const item of first) chars += each + (typeof item === "string" ? item.length : 0);
    meter.text(chars);
  }
  if (recoding.has(name)) for (const arg of args) meter.spend(lengthOf(arg) >> 1);
  // A look-up in the time zone database takes about 50 us.
  if (name.startsWith("get") && typeof second === "string") meter.spend(2_000);
}

/** These go over their argument character by character, and more than once. */
const recoding = new Set(["encode", "decode", "base64", "json", "hex"]);

function lengthOf(value: unknown): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 0;
}

/** The library's own map literal drops keys like `constructor`; in JSON they are data. */
const mapLiteral: EvaluateHook = (ev, node, scope) => {
  const made: { [key: string]: unknown } = {};
  for (const entry of operands(node)) {
    const [key, value] = Array.isArray(entry) ? entry.map((part) => ev.run(part, scope)) : [];
    if (
      typeof key !== "string" &&
      typeof key !== "bigint" &&
      typeof key !== "number" &&
      typeof key !== "boolean"
    ) {
      throw refusal("type", "a key of an object must be a string, a number or a bool", node.pos);
    }
    Object.defineProperty(made, String(key), { value, enumerable: true, writable: true, configurable: true });
  }
  return made;
};

function loop(node: CelNode, work: number, meter: Meter): EvaluateHook {
  const parts = loopParts(node);
  if (parts.kind === "quantifier" && !parts.errorsAreFatal) quantify(parts, meter);
  return (ev, _node, scope) => {
    const items = ev.run(parts.iterable, scope);
    meter.spend(1);
    meter.loop(countOf(items), work);
    try {
      return node.handle(items, parts, ev, scope);
    } finally {
      forget(parts.iterCtx);
    }
  };
}

/** `all` and `exists` go on after a failing element, but not once the meter has refused. */
function quantify(parts: LoopParts, meter: Meter): void {
  const { condition, step } = parts;
  const predicate = children(step)[0];
  if (!predicate) throw new TypeError("a quantifier without a predicate");
  parts.condition = (found) => {
    meter.spend(0);
    return condition(found);
  };
  const ask: EvaluateHook = (ev, _step, scope) => {
    try {
      const value = ev.run(predicate, scope);
      if (typeof value === "boolean") return value;
      throw refusal("type", `the predicate must give a bool, got ${kindOf(value)}`, predicate.pos);
    } catch (error) {
      meter.failure();
      throw error;
    }
  };
  step.setMeta("evaluate", ask);
}

interface LoopParts {
  readonly kind?: string;
  readonly errorsAreFatal: boolean;
  readonly iterable: unknown;
  readonly step: CelNode;
  condition: (found: unknown) => boolean;
  /** Set when the loop is checked. */
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

const workOf: { readonly [op: string]: number } = { call: 8, rcall: 8, list: 3, map: 6, value: 1, id: 1 };

/**
 * One round's work: every node of the body, except the bodies of loops in it, which charge for themselves.
 */
function workOfBody(node: CelNode): number {
  const body = loopOf(node)?.body ?? [];
  return 4 + body.reduce((sum, part) => sum + workOfTree(part), 0);
}

function workOfTree(node: CelNode): number {
  const inner = loopOf(node);
  const parts = inner
    ? [inner.receiver]
    : boundName(node) === undefined
      ? children(node)
      : children(node).slice(2);
  return parts.reduce((sum, part) => sum + workOfTree(part), workOf[node.op] ?? 2);
}
