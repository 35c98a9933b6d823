import type { Json } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { compileExpression, isCompiled } from "./compile.ts";
import { exprLimits } from "./limits.ts";
import { Lru } from "./lru.ts";
import type { ExprProblem, Result } from "./problem.ts";

const hostileKeys: Json = JSON.parse('{"constructor":1,"__proto__":{"z":2},"hasOwnProperty":3,"a":7}');
const scope = {
  input: {
    n: 3,
    f: 1.5,
    s: "héllo",
    xs: [1, 2, 3],
    tags: ["b", "a", "b"],
    nothing: null,
    ab: { a: 1, b: "x" },
    ba: { b: "x", a: 1 },
    rows: [
      { id: 1, v: "a" },
      { id: 2, v: "b" },
    ],
    odd: hostileKeys,
  },
  steps: { a: { output: { n: 5, text: "hi" } } },
};

function run(source: string): Result<Json> {
  const compiled = compileExpression(source);
  return isCompiled(compiled) ? compiled.evaluate(scope) : { ok: false, problem: compiled };
}

function valueOf(source: string): Json {
  const result = run(source);
  if (!result.ok) throw new Error(`${source}: ${result.problem.code} ${result.problem.message}`);
  return result.value;
}

function problemIn(source: string): ExprProblem {
  const result = run(source);
  if (result.ok) throw new Error(`${source} gave ${JSON.stringify(result.value)}`);
  return result.problem;
}

type Row = readonly [source: string, value: Json];

test.each<Row>([
  ["input.n + 1", 4],
  ["1 + input.n", 4],
  ["input.n - 1.5", 1.5],
  ["2 * input.f", 3],
  ["input.n / 2", 1.5],
  ["7 / 2", 3],
  ["input.n % 2", 1],
  ["7 % input.n", 1],
  ["-input.n", -3],
  ["size(input.xs) == 3", true],
  ["size(input.xs) == 3.0", true],
  ["size(input.xs) > 2.5", true],
  ["input.xs == [1, 2, 3]", true],
  ["input.xs == [1, 2, 4]", false],
  ["[1] == [1.0]", true],
  ["{'a': 1} == {'a': 1.0}", true],
  ["{'a': [1, 2, 3]} == {'a': input.xs}", true],
  ["1 in input.xs", true],
  ["1.5 in input.xs", false],
  ["size(input.s) in [5.0]", true],
  ["input.xs + [4]", [1, 2, 3, 4]],
  ["input.xs + ['q']", [1, 2, 3, "q"]],
  ["(input.xs + [1]).map(x, x * 2)", [2, 4, 6, 2]],
  ["input.xs[input.n - 1]", 3],
  ["true ? 1 : 1.5", 1],
])("JSON numbers and integer literals mix: %s", (source, value) => {
  expect(valueOf(source)).toStrictEqual(value);
});

test.each<Row>([
  ["input.ab == input.ba", true],
  ["[input.ab] == [input.ba]", true],
  ["input.ab == {'a': 1}", false],
  ["dyn(input.n) == 'a'", false],
  ["input.nothing == null", true],
  ["input.n == null", false],
  ["'a' in input.ab", true],
  ["'toString' in input.ab", false],
])("equality looks at content and never at the order of keys: %s", (source, value) => {
  expect(valueOf(source)).toBe(value);
});

test.each<Row>([
  ["input.n > 2 ? 'a' : null", "a"],
  ["input.?q.orValue('d')", "d"],
  ["input.?n.orValue('d')", 3],
  ["input.?nothing.orValue('d')", null],
  ["input.?q", null],
  ["input.?q.r.s", null],
  ["input.xs[?9].orValue(0)", 0],
  ["steps.?b.?output.orValue(null)", null],
  ["steps.?a.?output.?n.orValue(0)", 5],
  ["optional.none()", null],
  ["has(input.q)", false],
  ["has(input.n)", true],
  ["input.q.z == 1 || true", true],
  ["cel.bind(t, input.n, t + t)", 6],
  ["input.rows.filter(o, o.id > 1).map(o, o.v)", ["b"]],
  ["input.xs.map(x, x > 1, x * x)", [4, 9]],
  [
    "input.xs.map(x, input.xs.map(y, x * y))",
    [
      [1, 2, 3],
      [2, 4, 6],
      [3, 6, 9],
    ],
  ],
  ["input.xs.exists(x, x == 2) && input.xs.all(x, x > 0) && input.xs.exists_one(x, x == 1)", true],
  ["input.rows.exists(o, o.missing == 1 || o.id == 2)", true],
  ["{'a': 1, 'constructor': 2}", { a: 1, constructor: 2 }],
])("what flows write every day works: %s", (source, value) => {
  expect(valueOf(source)).toEqual(value);
});

test.each<Row>([
  ["math.max(1, input.n, 2.5)", 3],
  ["math.min(input.xs)", 1],
  ["math.abs(-input.f)", 1.5],
  ["[math.floor(1.5), math.ceil(1.5), math.round(2.5), math.round(-2.5)]", [1, 2, 3, -3]],
  ["input.xs.sum()", 6],
  ["[1, 2.5].sum()", 3.5],
  ["[].sum()", 0],
  ["input.tags.distinct()", ["b", "a"]],
  ["[1, 1.0, input.ab, input.ba].distinct()", [1, { a: 1, b: "x" }]],
  ["input.tags.sort()", ["a", "b", "b"]],
  ["[3, 1.5, 2].sort()", [1.5, 2, 3]],
  ["[[1], [2, [3]], 4].flatten()", [1, 2, [3], 4]],
  ["[[1], [2, [3]]].flatten(2)", [1, 2, 3]],
  ["input.xs.slice(1, input.n)", [2, 3]],
  ["input.xs.reverse()", [3, 2, 1]],
  ["[].first().orValue('none')", "none"],
  ["input.xs.last()", 3],
  ["base64.encode(input.s)", "aMOpbGxv"],
  ["base64.decode(base64.encode(input.s))", "héllo"],
  ["'aXbXc'.replace('X', '--')", "a--b--c"],
  ["'aXbXc'.replace('X', '', 1)", "abXc"],
  ["input.s.substring(0, input.n)", "hél"],
  ["input.s.charAt(1)", "é"],
  ["' a '.trim() + 'B'.lowerAscii() + 'c'.upperAscii()", "abC"],
  ["'a,b,c'.split(',').join('-')", "a-b-c"],
  ["'a,b,c'.split(',', 2)", ["a", "b,c"]],
  ["input.s.startsWith('h') && input.s.endsWith('o') && input.s.contains('ll')", true],
  ["duration('90s')", "90s"],
  ["duration('1500ms')", "1500ms"],
  ["timestamp('2024-01-02T03:04:05Z')", "2024-01-02T03:04:05.000Z"],
  ["timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z')", "86400s"],
  ["b'abc'", "YWJj"],
  ["type(1)", "int"],
  ["5u", 5],
  ["9007199254740991", 9007199254740991],
])("functions and results are plain JSON: %s", (source, value) => {
  expect(valueOf(source)).toStrictEqual(value);
});

test.each([
  ["input.constructor", "no_such_key"],
  ["input.__proto__", "no_such_key"],
  ["input['__proto__']", "no_such_key"],
  ["input.xs.length", "no_such_key"],
  ["input.s.length", "no_such_key"],
  ["steps.a.output.toString", "no_such_key"],
  ["timestamp('2024-01-02T03:04:05Z').getTime", "no_such_key"],
  ["duration('1s').constructor", "no_such_key"],
  ["optional.constructor", "no_such_key"],
  ["math.constructor", "no_such_key"],
  ["constructor", "unknown_name"],
  ["globalThis", "unknown_name"],
])("nothing inherited can be reached: %s", (source, code) => {
  expect(problemIn(source).code).toBe(code);
});

test("keys of data that look like a prototype's are plain data", () => {
  expect(valueOf("input.odd.a")).toBe(7);
  expect(valueOf("input.odd.constructor")).toBe(1);
  expect(valueOf("input.odd.__proto__.z")).toBe(2);
  expect(valueOf("input.odd")).toBe(scope.input.odd);
  const made = valueOf("{'__proto__': {'polluted': true}}");
  expect(JSON.stringify(made)).toBe('{"__proto__":{"polluted":true}}');
  expect(Reflect.get({}, "polluted")).toBeUndefined();
});

test.each<readonly [string, ExprProblem]>([
  ["input.nn", { code: "no_such_key", message: 'No such key: nn in input, did you mean "n"?', offset: 6 }],
  [
    "input.nothing.x",
    { code: "no_such_key", message: "No such key: x, because input.nothing is null", offset: 14 },
  ],
  ["input.xs[5]", { code: "no_such_key", message: "No such element: 5 in input.xs, which has 3", offset: 0 }],
  ["item.x", { code: "unknown_name", message: "Unknown variable: item", offset: 0 }],
  ["foo", { code: "unknown_name", message: "Unknown variable: foo", offset: 0 }],
  ["1 / 0", { code: "value", message: "division by zero", offset: 0 }],
  ["input.s + 1", { code: "type", message: "no such overload: string + int", offset: 0 }],
  ["'a' + 1", { code: "type", message: "no such overload: string + int", offset: 0 }],
  ["1 +", { code: "syntax", message: "it ends too early: something is missing behind this", offset: 3 }],
  ["input.n.size((1)", { code: "syntax", message: ") is missing at the end", offset: 16 }],
  ["[1, 2)", { code: "syntax", message: "] is expected here, not )", offset: 5 }],
  ["1 + )", { code: "syntax", message: ") cannot stand here", offset: 4 }],
  ["'abc", { code: "syntax", message: "Unterminated string", offset: 0 }],
  [
    "[1].map(input, 1)",
    { code: "forbidden", message: '"input" is taken: choose another name for the variable', offset: 0 },
  ],
])("a problem is plain data of one line: %s", (source, problem) => {
  expect(problemIn(source)).toEqual(problem);
});

test.each([
  ["9007199254740993", "value"],
  ["1.0 / 0.0", "value"],
  ["input.n / 0", "value"],
  ["int('zz')", "value"],
  ["[1, 'a'].sort()", "type"],
  ["['a'].sum()", "type"],
  ["math.max('a', 1)", "type"],
  ["base64.decode('***')", "value"],
  ["input.s.substring(0, 99)", "value"],
  ["input.xs.slice(2, 1)", "value"],
  ["input.n && true", "type"],
  ["input.n ? 1 : 2", "type"],
  ["input.xs < 1", "type"],
  ["-input.xs", "type"],
  ["1 in input.n", "type"],
  ["input.xs.all(x, x)", "type"],
  ["foo(1)", "type"],
  ["'a'.matches('a')", "forbidden"],
  ["dyn(input.s).matches(input.s)", "forbidden"],
  ["cel.bind(steps, 1, steps)", "forbidden"],
  ["input.xs.map(x, input.xs.map(y, input.xs.map(z, z)))", "limit"],
  ["input.xs.map(x, input.xs.map(y, input.xs.all(z, z > 0)))", "limit"],
  [`'${"a".repeat(exprLimits.sourceCharsMax)}'`, "limit"],
  [`${"(".repeat(500)}1${")".repeat(500)}`, "limit"],
  [`1${"+1".repeat(900)}`, "limit"],
  ["", "syntax"],
  ["input.while(", "syntax"],
])("is refused: %s", (source, code) => {
  const found = problemIn(source);
  expect(found.code).toBe(code);
  expect(found.message).not.toContain("\n");
});

test("a further name can be allowed for one step", () => {
  expect(problemIn("ticket.id").code).toBe("unknown_name");
  const compiled = compileExpression("ticket.id", { names: ["ticket"] });
  if (!isCompiled(compiled)) throw new Error(compiled.message);
  expect(compiled.evaluate({ ticket: { id: 4 } })).toEqual({ ok: true, value: 4 });
});

test("an evaluation leaves no trace in the next one", () => {
  const compiled = compileExpression("input.map(k, k).join(',')");
  if (!isCompiled(compiled)) throw new Error(compiled.message);
  expect(compiled.evaluate({ input: { a: 1, b: 2 } })).toEqual({ ok: true, value: "a,b" });
  expect(compiled.evaluate({}).ok).toBe(false);
  expect(compiled.evaluate({ input: { c: 1 } })).toEqual({ ok: true, value: "c" });
});

test("compiling the same source again gives the same object, and the cache is bounded", () => {
  expect(compileExpression("input.n + 41")).toBe(compileExpression("input.n + 41"));
  const lru = new Lru<number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.get("a");
  lru.set("c", 3);
  expect([lru.get("a"), lru.get("b"), lru.get("c"), lru.size]).toEqual([1, undefined, 3, 2]);
});
