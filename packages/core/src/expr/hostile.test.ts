import type { Json } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { type Scope, compileExpression, isCompiled } from "./compile.ts";
import { exprLimits } from "./limits.ts";

// The data is as big as control flow ever sees, and shaped to hurt: long alike texts, wide objects, deep
// lists.
const count = exprLimits.elementsMax;
const rows = Array.from({ length: count }, (_, i) => ({ id: i, v: { w: i } }));
const text = "a".repeat(60_000);
const nested = (depth: number): Json => (depth === 0 ? 1 : [nested(depth - 1)]);
const scope: Scope = {
  input: {
    rows,
    h: rows.slice(0, 100),
    h300: rows.slice(0, 300),
    nums: rows.map((row) => row.id),
    text,
    alike: [text, "a".repeat(59_999).concat("a")],
    words: rows.map((row) => `w${row.id}`),
    longs: rows.map((row) => "a".repeat(1_000) + String(row.id)),
    wide: Object.fromEntries(rows.map((row) => [`k${row.id}`, row])),
    deep: nested(2_000),
    digits: "1".repeat(60_000),
  },
};

const doubling = (start: string): string => {
  const names = Array.from({ length: 50 }, (_, i) => `v${i}`);
  const binds = names.map(
    (name, i) => `cel.bind(${name}, ${[names[i - 1] ?? start, names[i - 1] ?? start].join(" + ")}, `,
  );
  return `${binds.join("")}size(v49)${")".repeat(50)}`;
};
const long = "a".repeat(1_000);
const zones = "['Europe/Rome', 'Asia/Tokyo', 'America/Lima', 'Africa/Cairo', 'Asia/Seoul', 'Pacific/Fiji']";

const hostile: readonly (readonly [source: string, outcome: string])[] = [
  ["input.h300.map(x, input.h300.map(y, 1))", "limit"],
  ["input.rows.map(x, input.rows)", "limit"],
  ["input.h300.map(x, input.h300)", "limit"],
  [Array.from({ length: 40 }, () => "input.rows.all(x, x.id >= 0)").join(" && "), "limit"],
  ["input.h300.exists(x, input.h300.all(y, y.id < 0)) || true", "limit"],
  [doubling("input.text"), "limit"],
  [doubling("input.nums"), "limit"],
  [doubling("bytes(input.text)"), "limit"],
  ["input.text.replace('a', input.text)", "limit"],
  ["input.text.split('')", "limit"],
  ["input.nums.map(x, input.text).join()", "limit"],
  ["input.words.join(input.text)", "limit"],
  [`input.nums.exists(x, input.text.contains('b${long}'))`, "limit"],
  [`input.nums.exists(x, input.text.contains('${long}b'))`, "limit"],
  ["input.nums.all(x, size(input.wide) > 0)", "limit"],
  ["input.nums.all(x, x in input.nums)", "limit"],
  ["input.nums.all(x, input.alike[0] == input.alike[1])", "limit"],
  ["input.nums.all(x, input.alike[0] <= input.alike[1])", "limit"],
  ["input.rows.distinct()", "limit"],
  ["input.longs.sort()", "limit"],
  ["input.nums.map(x, input.words.sort())", "limit"],
  ["input.nums.map(x, base64.encode(input.text))", "limit"],
  ["input.nums.map(x, base64.decode(base64.encode(input.text)))", "limit"],
  ["input.nums.map(x, bytes(input.text))", "limit"],
  ["input.nums.map(x, bytes(input.text).hex())", "limit"],
  [`input.nums.map(x, [${"1,".repeat(400)}1])`, "limit"],
  // Errors that the quantifier survives cost too: their text, their stack, and in the library a look at
  // every key.
  ["input.nums.all(x, x.foo)", "limit"],
  ["input.nums.all(x, input.wide)", "limit"],
  ["input.nums.all(x, input.wide < 1)", "limit"],
  ["input.nums.all(x, -input.wide == 1)", "limit"],
  ["input.nums.all(x, input.wide || x.foo)", "limit"],
  ["input.nums.all(x, string(input.wide) == '')", "limit"],
  [Array.from({ length: 60 }, () => "size(input.wide) == 0").join(" || "), "limit"],
  // The library's duration pattern is cubic in the number of digits.
  ["duration(input.digits)", "value"],
  [`duration('${"1".repeat(1_900)}')`, "value"],
  [`input.nums.all(x, duration('${"1".repeat(40)}') == x)`, "limit"],
  [`input.nums.map(x, timestamp(x).getHours(${zones}[x % 6]))`, "limit"],
  ["input.deep", "limit"],
  [`${"[".repeat(100)}${"]".repeat(100)} == input.deep`, "ok"],
  ["input.rows.filter(x, x.id % 2 == 0 && x.v.w > 5000 || x.v.w == 17).size()", "ok"],
  ["input.rows.exists(x, x.v.w == 20000)", "ok"],
];

test.each(hostile.map(([source, outcome]) => ({ shown: source.slice(0, 80), source, outcome })))(
  "ends within 50 ms: $shown",
  ({ source, outcome }) => {
    const compiled = compileExpression(source);
    if (!isCompiled(compiled)) throw new Error(compiled.message);
    // Of several tries the best counts: the machine may be busy with something else.
    let best = Number.POSITIVE_INFINITY;
    let ended = "";
    for (let round = 0; round < 5 && best >= 40; round++) {
      const before = performance.now();
      const result = compiled.evaluate(scope);
      best = Math.min(best, performance.now() - before);
      ended = result.ok ? "ok" : result.problem.code;
    }
    expect(ended).toBe(outcome);
    expect(best).toBeLessThan(50);
  },
);

test.each([
  ["(", ")"],
  ["[", "]"],
  ["!", ""],
  ["-", ""],
  ["{'a':", "}"],
  ["true?1:", ""],
  ["size(", ")"],
  ["1+", ""],
  ["'a'+", ""],
  ["true&&", ""],
])("a source of nothing but %j is refused before it is read, without a full stack", (open, close) => {
  const times = Math.floor((exprLimits.sourceCharsMax - 4) / (open.length + close.length));
  const outcome = compileExpression(`${open.repeat(times)}1${close.repeat(times)}`);
  expect(outcome).toMatchObject({ code: "limit" });
});
