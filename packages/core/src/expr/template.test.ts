import type { Json } from "@agentflow/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { exprLimits } from "./limits.ts";
import { scanTemplate } from "./scan.ts";
import { type Template, type TemplateProblem, compileTemplate, isTemplate } from "./template.ts";

const scope = {
  input: { n: 3, b: true, s: "T", nothing: null, xs: [1, { a: 2 }] },
  steps: { s: { output: { z: 1 } } },
};

function template(value: Json): Template {
  const made = compileTemplate(value);
  if (!isTemplate(made)) throw new Error(JSON.stringify(made));
  return made;
}

function problems(value: Json): readonly TemplateProblem[] {
  const made = compileTemplate(value);
  if (isTemplate(made)) throw new Error("no problem");
  return made;
}

test.each<readonly [Json, Json]>([
  ["${input.n}", 3],
  ["${ input.xs }", [1, { a: 2 }]],
  ["${input.nothing}", null],
  ["a ${input.n} b", "a 3 b"],
  ["${input.n}${input.b}", "3true"],
  [" ${input.n}", " 3"],
  ["${input.s}: ${input.xs}, ${input.nothing}", 'T: [1,{"a":2}], null'],
  ["$${input.n}", "${input.n}"],
  ["$${a} ${input.n}", "${a} 3"],
  ["costs $5 {x}", "costs $5 {x}"],
  ["$", "$"],
  ["", ""],
  ["${ {'a': '}'}['a'] }!", "}!"],
  ['${ "it\'s }" }', "it's }"],
  ["${ '\\'}' + \"\\\"}\" }", "'}\"}"],
  ["${ r'\\'}' }", "\\'}"],
  ["${ '''a}'b''' }", "a}'b"],
  ["${ input.n // a comment }'\n }", 3],
  ["${ {'a': {'b': 1}}.a.b }", 1],
  [
    { a: ["${input.n}", 1, null], "b/c": { d: "x${input.n}" } },
    { a: [3, 1, null], "b/c": { d: "x3" } },
  ],
  [7, 7],
])("%j becomes %j", (value, expected) => {
  expect(template(value).evaluate(scope)).toEqual({ ok: true, value: expected });
});

test("a template without expressions is static, and says so", () => {
  expect(template({ a: ["$${x}", 1] }).isStatic).toBe(true);
  expect(template({ a: ["${1}", 1] }).isStatic).toBe(false);
});

test("refs are those of all expressions, whole only where an output stands alone", () => {
  const { refs } = template({ a: "${steps.s.output}", b: "t ${steps.t.output}", c: ["${steps.?u.?output}"] });
  expect(refs.steps).toEqual([
    { step: "s", optional: false, whole: true },
    { step: "t", optional: false, whole: false },
    { step: "u", optional: true, whole: true },
  ]);
});

test("every problem is told with its JSON pointer and its place in the string", () => {
  expect(problems({ a: ["ok ${1 +}"], "b/c~": "x ${", d: "${'a'.matches('b')}" })).toEqual([
    {
      code: "syntax",
      message: "it ends too early: something is missing behind this",
      path: "/a/0",
      offset: 8,
    },
    {
      code: "syntax",
      message: "`${` without its `}`; a literal one is written `$${`",
      path: "/b~1c~0",
      offset: 2,
    },
    expect.objectContaining({ code: "forbidden", path: "/d", offset: 2 }),
  ]);
  expect(problems("${}")[0]).toMatchObject({ code: "syntax", path: "" });
});

test("a problem while evaluating names its place too", () => {
  expect(template({ a: ["x ${input.nn}"] }).evaluate(scope)).toEqual({
    ok: false,
    problem: {
      code: "no_such_key",
      message: 'No such key: nn in input, did you mean "n"?',
      path: "/a/0",
      offset: 10,
    },
  });
});

test("the whole of a template is bounded, not only its parts", () => {
  const big = "x".repeat(exprLimits.resultCharsMax / 2);
  const result = template(["${input.s}", "${input.s}", "${input.s}"]).evaluate({ input: { s: big } });
  expect(result).toMatchObject({ ok: false, problem: { code: "limit" } });
});

test("a key named __proto__ is data", () => {
  const value: Json = JSON.parse('{"__proto__": "${input.n}"}');
  const result = template(value).evaluate(scope);
  expect(JSON.stringify(result)).toBe('{"ok":true,"value":{"__proto__":3}}');
});

test("whatever a string literal holds, the scanner finds the brace behind it", () => {
  // Quotes, braces, backslashes and comment marks are what could mislead it.
  const nasty = fc.string({ unit: fc.constantFrom("'", '"', "{", "}", "\\", "/", "$", "a") });
  fc.assert(
    fc.property(
      nasty,
      fc.constantFrom("'", '"'),
      nasty.filter((text) => !text.includes("$")),
      (held, quote, after) => {
        const escaped = held.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`);
        const text = `\${${quote}${escaped}${quote}}${after}`;
        expect(template(text).evaluate({})).toEqual({ ok: true, value: held + after });
      },
    ),
    { numRuns: 2_000 },
  );
});

test("any text is scanned without loss", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "'", "a") }), (text) => {
      const parts = scanTemplate(text);
      if ("unclosedAt" in parts) return;
      const joined = parts.map((part) =>
        part.kind === "text" ? part.text.replaceAll("${", () => "$${") : `\${${part.source}}`,
      );
      expect(joined.join("")).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});
