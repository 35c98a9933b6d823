import { EvaluationError, ParseError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import { plainSyntax } from "./token-text.ts";

/**
 * Why an expression was refused. `syntax`, `forbidden` and `limit` arise when compiling; `no_such_key`,
 * `unknown_name`, `type`, `value` and `limit` when checking or evaluating.
 */
export type ExprCode = "syntax" | "forbidden" | "limit" | "no_such_key" | "unknown_name" | "type" | "value";

/** Plain data: one line for a person, and where in the source it arose (UTF-16 units from its start). */
export interface ExprProblem {
  readonly code: ExprCode;
  readonly message: string;
  readonly offset?: number;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: ExprProblem };

/** Translates whatever evaluation threw; nothing but problems leaves this folder. */
export function problemOf(error: unknown): ExprProblem {
  if (error instanceof ParseError) {
    const code = error.code === "limit_exceeded" ? "limit" : "syntax";
    return problem(code, error.summary, error.range?.start);
  }
  if (error instanceof EvaluationError || error instanceof CelTypeError) {
    return problem(ours[error.code] ?? "type", error.summary, error.range?.start);
  }
  // A full stack or a string beyond the engine's own limit.
  if (error instanceof RangeError) return problem("limit", "the expression needs too much memory or depth");
  return problem("type", error instanceof Error ? error.message : String(error));
}

export function problem(code: ExprCode, message: string, offset?: number): ExprProblem {
  // `dyn<string>` is the interpreter saying: a string, as found at run time.
  const line = plainSyntax((message.split("\n", 1)[0] ?? "").replaceAll(/dyn<([a-z]+)>/g, "$1"));
  return offset === undefined ? { code, message: line } : { code, message: line, offset };
}

/** An error that the interpreter treats like its own, so `||`, `all` and `exists` keep their meaning. */
export function refusal(code: ExprCode, message: string, at?: number): EvaluationError {
  if (at === undefined) return new EvaluationError({ code, message });
  return new EvaluationError({ code, message, range: { start: at, end: at } });
}

const ours: { readonly [code: string]: ExprCode } = {
  limit: "limit",
  value: "value",
  type: "type",
  no_such_key: "no_such_key",
  unknown_name: "unknown_name",
  index_out_of_bounds: "no_such_key",
  optional_value_missing: "no_such_key",
  unknown_variable: "unknown_name",
  division_by_zero: "value",
  modulo_by_zero: "value",
  numeric_overflow: "value",
  index_out_of_range: "value",
  bool_conversion_error: "value",
  int_conversion_error: "value",
  uint_conversion_error: "value",
  double_conversion_error: "value",
  invalid_timestamp: "value",
  invalid_duration: "value",
};
