import type { Json } from "@agentflow/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Scope, compileExpression, compileInterpreted, isCompiled } from "./compile.ts";
import { engineFor } from "./engine.ts";
import { isCelNode } from "./node.ts";
import { pathReader } from "./path.ts";

const words = ["a", "b", "output", "constructor", "__proto__", "length", "steps"];
const leaf = fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.double(), fc.string());
const json = fc.letrec<{ value: Json; list: Json; object: Json }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, leaf, tie("list"), tie("object")),
  list: fc.array(tie("value"), { maxLength: 3 }),
  // Parsed, not assigned: `__proto__` must be a key of the data.
  object: fc
    .array(fc.tuple(fc.constantFrom(...words), tie("value")), { maxLength: 4 })
    .map((entries): Json => Object.fromEntries(entries)),
})).value;

const access = fc.oneof(
  fc.constantFrom(...words).map((word) => (word === "__proto__" ? `["${word}"]` : `.${word}`)),
  fc.constantFrom(...words).map((word) => `.?${word}`),
  fc.constantFrom(...words).map((word) => `["${word}"]`),
  fc.constantFrom(...words).map((word) => `[?'${word}']`),
  fc.integer({ min: 0, max: 3 }).map((index) => `[${index}]`),
  fc.integer({ min: 0, max: 3 }).map((index) => `[?${index}]`),
);
const end = fc.constantFrom("", "", ".orValue(null)", ".orValue('x')", ".orValue(1)", ".orValue(1.5)");
const source = fc
  .tuple(fc.constantFrom("steps", "input", "item"), fc.array(access, { maxLength: 4 }), end)
  .map(([root, accesses, tail]) => root + accesses.join("") + tail);

test("the fast path gives what the interpreter gives, values and problems alike", () => {
  fc.assert(
    fc.property(source, json, json, (text, steps, input) => {
      const fast = compileExpression(text);
      const slow = compileInterpreted(text);
      const scope: Scope = { steps, input };
      if (!isCompiled(fast) || !isCompiled(slow)) expect(fast).toEqual(slow);
      else expect(fast.evaluate(scope)).toStrictEqual(slow.evaluate(scope));
    }),
    { numRuns: 5_000 },
  );
});

function hasFastPath(text: string): boolean {
  const { env, names } = engineFor([]);
  const root: unknown = env.parse(text).ast;
  return isCelNode(root) && pathReader(root, names) !== undefined;
}

test.each([
  ["steps.s1.output.n", true],
  ["input", true],
  ["(input.x)", true],
  ["input['x'].y[0]", true],
  ["steps.?s1.?output.orValue(null)", true],
  ["input.x.orValue(1)", false],
  ["input[item]", false],
  ["input.x + 1", false],
  ["math", false],
])("%s takes the fast path: %s", (text, expected) => {
  expect(hasFastPath(text)).toBe(expected);
});
