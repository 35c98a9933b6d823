import { expect, test } from "vitest";
import { compileExpression, isCompiled } from "./compile.ts";
import type { Refs, StepRef } from "./refs.ts";

function refsIn(source: string): Refs {
  const compiled = compileExpression(source);
  if (!isCompiled(compiled)) throw new Error(compiled.message);
  return compiled.refs;
}

const a = (optional: boolean, whole: boolean): StepRef => ({ step: "a", optional, whole });

test.each<readonly [string, readonly StepRef[]]>([
  ["steps.a.output", [a(false, true)]],
  ["steps['a'].output", [a(false, true)]],
  ["steps.?a.?output", [a(true, true)]],
  ["steps.?a.?output.orValue(null)", [a(true, true)]],
  ["steps.?a.?output.orValue('x')", [a(true, false)]],
  ["steps.a.?output", [a(false, true)]],
  ["steps.a", [a(false, false)]],
  ["steps.a.output.n", [a(false, false)]],
  ["steps.a.output == null", [a(false, false)]],
  ["[steps.a.output]", [a(false, false)]],
  ["has(steps.a) ? steps.a.output : null", [a(true, false)]],
  ["has(steps.a.output) ? 1 : 2", [a(false, false)]],
  ["'a' in steps && steps.a.output.n > 1", [a(true, false)]],
  ["steps.?a.?output.orValue(steps.a.output)", [a(false, false)]],
  ["input.xs.map(x, x + steps.a.output.n)", [a(false, false)]],
  ["steps.a.output.xs[steps.b.output.i]", [a(false, false), { step: "b", optional: false, whole: false }]],
  ["input.x", []],
  ["input.steps.a", []],
])("the steps that %s reads", (source, steps) => {
  expect(refsIn(source).steps).toEqual(steps);
  expect(refsIn(source).anyStep).toBe(false);
});

test.each(["steps", "steps[input.name].output", "steps.map(s, s)", "size(steps) > 1"])(
  "%s may mean any step",
  (source) => {
    expect(refsIn(source).anyStep).toBe(true);
  },
);

test("each place is told with its keys, up to the first computed one", () => {
  expect(refsIn("input.a['b'].?c[run.n].d + 'x'").paths).toEqual([
    {
      root: "input",
      segments: [
        { key: "a", optional: false },
        { key: "b", optional: false },
        { key: "c", optional: true },
      ],
    },
    { root: "run", segments: [{ key: "n", optional: false }] },
  ]);
});
