import type { Environment } from "@marcbachmann/cel-js";
import type { Meter } from "./meter.ts";
import { registerLists } from "./functions-list.ts";
import { registerMath } from "./functions-math.ts";
import { registerText } from "./functions-text.ts";

/**
 * What expressions can call, beside CEL's operators.
 *
 * - Loops: `map filter all exists exists_one` (two levels deep), `cel.bind(name, value, body)`, `has(a.b)`.
 * - Absent data: `a.?b`, `a[?0]`, `.orValue(d)`, `.or(o)`, `.hasValue()`, `.value()`, `optional.of(v)`,
 *   `optional.none()`.
 * - Text: `size contains startsWith endsWith indexOf lastIndexOf substring charAt split lowerAscii
 *   upperAscii trim replace(old, new[, count])`; `list.join([separator])`. There are no regular
 *   expressions.
 * - Lists: `size sum() distinct() sort() flatten([depth]) reverse() slice(from, to) first() last()` (the
 *   last two are optional values).
 * - Numbers: `math.max math.min` (2 to 6 numbers or a list), `math.abs floor ceil round trunc sign sqrt
 *   isNaN`.
 * - Encodings: `base64.encode(text or bytes)`, `base64.decode(text)` gives text, `bytes.base64() hex()
 *   string()`.
 * - Conversions: `string int uint double bool bytes timestamp duration type dyn`.
 * - Times: `timestamp("…")`, `duration("90s")`, `getFullYear … getMilliseconds`, `+ - < ==`.
 *
 * JSON numbers are doubles and integer literals are ints: both mix in every operator, and every function
 * takes both.
 */
export function registerFunctions(env: Environment, meter: Meter): void {
  registerMath(env);
  registerText(env, meter);
  registerLists(env, meter);
}
