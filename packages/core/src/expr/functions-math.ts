import type { Environment } from "@marcbachmann/cel-js";
import { refusal } from "./problem.ts";

/** `math.*` and the operators between ints and doubles, which CEL keeps apart and JSON does not. */
export function registerMath(env: Environment): void {
  registerMixed(env);
  class Math_ {}
  env.registerType("MathNamespace", Math_);
  env.registerConstant("math", "MathNamespace", new Math_());
  for (const [name, apply] of Object.entries(unary)) {
    env.registerFunction(`MathNamespace.${name}(dyn): double`, (_self: unknown, value: unknown) =>
      apply(toNumber(value, name)),
    );
  }
  env.registerFunction("MathNamespace.isNaN(dyn): bool", (_self: unknown, value: unknown) =>
    Number.isNaN(toNumber(value, "isNaN")),
  );
  for (const name of ["max", "min"] as const) registerExtreme(env, name);
}

const unary: { readonly [name: string]: (value: number) => number } = {
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  // Away from zero at one half, as CEL's own extension does; JavaScript's rounds -2.5 to -2.
  round: (value) => Math.sign(value) * Math.round(Math.abs(value)),
  trunc: Math.trunc,
  sign: Math.sign,
  sqrt: Math.sqrt,
};

const argumentsMax = 6;

function registerExtreme(env: Environment, name: "max" | "min"): void {
  const extreme = (values: readonly unknown[]): number => {
    if (values.length === 0) throw refusal("value", `math.${name} of an empty list`);
    return values.map((value) => toNumber(value, name)).reduce((a, b) => Math[name](a, b));
  };
  env.registerFunction(`MathNamespace.${name}(dyn): double`, (_self: unknown, list: unknown) =>
    extreme(Array.isArray(list) ? list : [list]),
  );
  for (let count = 2; count <= argumentsMax; count++) {
    const params = Array.from({ length: count }, () => "dyn").join(", ");
    env.registerFunction(`MathNamespace.${name}(${params}): double`, (_self: unknown, ...values: unknown[]) =>
      extreme(values),
    );
  }
}

function registerMixed(env: Environment): void {
  for (const [op, apply] of Object.entries(mixed)) {
    const handler = (left: number | bigint, right: number | bigint): number =>
      apply(Number(left), Number(right));
    env.registerOperator(`double ${op} int: double`, handler);
    env.registerOperator(`int ${op} double: double`, handler);
  }
  env.registerOperator("double % double: double", (left: number, right: number) => remainder(left, right));
}

const mixed: { readonly [op: string]: (left: number, right: number) => number } = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": quotient,
  "%": remainder,
};

function quotient(left: number, right: number): number {
  if (right === 0) throw refusal("value", "division by zero");
  return left / right;
}

function remainder(left: number, right: number): number {
  if (right === 0) throw refusal("value", "modulo by zero");
  return left % right;
}

/** A JSON number or an int; anything else is refused under the function's name. */
export function toNumber(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw refusal("type", `${name} needs numbers, got ${value === null ? "null" : typeof value}`);
}
