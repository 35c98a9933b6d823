import { Environment } from "@marcbachmann/cel-js";
import { expect, test } from "vitest";
import { engineFor } from "./engine.ts";
import { bound } from "./hooks.ts";
import { relax } from "./lenient.ts";
import { type CelNode, children, isCelNode, loopOf } from "./node.ts";

function treeOf(source: string): { root: CelNode; run: (scope: object) => unknown } {
  const { env, names, meter } = engineFor([]);
  const parsed = env.parse(source);
  const root: unknown = parsed.ast;
  if (!isCelNode(root)) throw new Error("no tree");
  relax(root, { numbers: "int" });
  expect(parsed.check().valid).toBe(true);
  bound(root, names, meter);
  return { root, run: parsed };
}

test("the library still builds its trees as the hooks expect", () => {
  const { root } = treeOf("input.xs.map(x, x.a + 1)");
  expect(root.op).toBe("rcall");
  expect(loopOf(root)).toMatchObject({ name: "x", receiver: { op: "." } });
  expect(root.meta.alternate?.op).toBe("comprehension");
  expect(children(root).map((child) => child.op)).toEqual([".", "id", "+"]);
  expect(root.meta.alternate?.args).toMatchObject({ iterable: { op: "." }, step: {}, iterCtx: {} });
});

test("without our hooks the library would answer wrongly, which is why they are there", () => {
  const env = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false });
  const scope = { xs: [1, 2], n: 1, odd: { constructor: 1, a: 2 } };
  expect(() => env.evaluate("{'a': 1} == {'a': 1.0}", scope)).toThrow("no such overload");
  expect(env.evaluate("{'constructor': 1}", scope)).toEqual({});
  expect(() => env.evaluate("odd.a", scope)).toThrow("Unsupported type");
  expect(() => env.evaluate("n + 1", scope)).toThrow("no such overload");
  expect(() => env.evaluate("n > 0 ? 1 : null", scope)).toThrow("same type");
});

test("a compiled loop keeps nothing of what it went over", () => {
  const { root, run } = treeOf("input.xs.map(x, cel.bind(y, x.a, y + 1))");
  expect(run({ input: { xs: [{ a: 1 }, { a: 2 }] } })).toEqual([2, 3]);
  expect(root.meta.alternate?.args).toMatchObject({
    iterCtx: { iterValue: undefined, accuValue: undefined },
  });
  expect(() => run({ input: { xs: [{ a: 1 }, {}] } })).toThrow("No such key");
  expect(root.meta.alternate?.args).toMatchObject({
    iterCtx: { iterValue: undefined, accuValue: undefined },
  });
});
