import type { JsonSchema } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { assignable } from "./assignable.ts";
import { compileExpression, isCompiled } from "./compile.ts";
import type { ExprProblem, Result } from "./problem.ts";
import { type Inferred, type Types, typeOf } from "./typing.ts";

const order: JsonSchema = {
  type: "object",
  required: ["id"],
  properties: { id: { type: "string" }, total: { type: "number" } },
};
const types: Types = {
  input: {
    type: "object",
    properties: {
      ticket: { type: "string" },
      n: { type: "integer" },
      xs: { type: "array", items: { type: "number" } },
      maybe: { type: ["string", "null"] },
      order: { anyOf: [order, { type: "null" }] },
      kind: { enum: ["a", "b"] },
      open: { type: "object", properties: { a: { type: "string" } }, additionalProperties: true },
      counts: { type: "object", additionalProperties: { type: "integer" } },
      either: { anyOf: [{ type: "string" }, { type: "number" }] },
      anything: {},
    },
  },
  steps: {
    type: "object",
    properties: { classify: { type: "object", properties: { output: order } } },
  },
};

function infer(source: string): Result<Inferred> {
  const compiled = compileExpression(source);
  return isCompiled(compiled) ? typeOf(compiled, types) : { ok: false, problem: compiled };
}

test.each<readonly [string, string]>([
  ["input.ticket", "string"],
  ["input.n + 1", "number"],
  ["1 + 1", "number"],
  ["7 % 2 == 1", "bool"],
  ["input.xs[0]", "number"],
  ["input.xs[input.n]", "number"],
  ["input.xs + [1]", "list<number>"],
  ["input.xs == [1, 2]", "bool"],
  ["1 in input.xs", "bool"],
  ["input.xs.map(x, x * 2)", "list<number>"],
  ["input.xs.filter(x, x > 1).first()", "optional<number>"],
  ["input.xs.sum() / size(input.xs)", "number"],
  ["input.ticket.substring(0, input.n)", "string"],
  ["input.kind + '!'", "string"],
  ["input.counts.anything", "number"],
  ["input.open.b.c", "dyn"],
  ["input.either + 1", "number"],
  ["input.anything.a.b", "dyn"],
  ["input.maybe == null ? 'x' : input.maybe", "string"],
  ["input.order.total > 5", "bool"],
  ["input.n > 1 ? 'a' : 2", "dyn"],
  ["steps.classify.output", "object"],
  ["steps.?classify.?output.?id.orValue('')", "string"],
  ["steps.?lookup.?output.orValue(null)", "dyn"],
  ["last.foo.bar", "dyn"],
  ["has(input.ticket)", "bool"],
])("%s is inferred as %s", (source, cel) => {
  expect(infer(source)).toMatchObject({ ok: true, value: { cel } });
});

test.each<readonly [string, Partial<ExprProblem>]>([
  [
    "input.tickt",
    { code: "no_such_key", message: 'No such key: tickt in input, did you mean "ticket"?', offset: 6 },
  ],
  ["input['tickt']", { code: "no_such_key", message: 'No such key: tickt in input, did you mean "ticket"?' }],
  ["steps.clasify.output", { message: 'No such key: clasify in steps, did you mean "classify"?' }],
  ["input.order.idd", { message: 'No such key: idd in input.order, did you mean "id"?' }],
  ["input.zzzzzz", { message: "No such key: zzzzzz in input" }],
  ["step.a", { code: "unknown_name", message: 'Unknown variable: step, did you mean "steps"?', offset: 0 }],
  ["input.n + 'a'", { code: "type", message: "no such overload: number + string" }],
  ["input.n > 'a'", { code: "type" }],
  ["input.n && true", { code: "type" }],
  ["input.ticket.nope()", { code: "type", message: "found no matching overload for 'string.nope()'" }],
  ["input.xs.map(x, x.foo)", { code: "type", message: "Cannot index type 'number'" }],
  ["input.ticket == 1", { code: "type" }],
  ["input.order + 1", { code: "type", message: "no such overload: object + number" }],
])("%s cannot work, and the problem says why", (source, problem) => {
  expect(infer(source)).toMatchObject({ ok: false, problem });
});

const number: JsonSchema = { type: "number" };
const string: JsonSchema = { type: "string" };

test.each<readonly [string, JsonSchema, string | undefined]>([
  ["input.ticket", string, undefined],
  ["input.ticket", number, "number is wanted, and this gives string"],
  ["input.n / 2", { type: "integer" }, undefined],
  ["size(input.xs)", number, undefined],
  ["input.xs", { type: "array", items: string }, "string is wanted at /items, and this gives number"],
  ["input.xs", string, "string is wanted, and this gives array"],
  ["input.maybe", string, undefined],
  ["input.n", { anyOf: [string, { type: "null" }] }, "string or null is wanted, and this gives number"],
  ["input.n", { type: ["number", "null"] }, undefined],
  ["input.xs.first()", number, undefined],
  ["input.xs.first()", string, "string is wanted, and this gives number"],
  ["steps.classify.output", order, undefined],
  [
    "steps.classify.output",
    { type: "object", properties: { id: number } },
    "number is wanted at /id, and this gives string",
  ],
  [
    "steps.classify.output",
    { type: "object", required: ["state"], properties: { state: string } },
    "property /state is required and missing",
  ],
  ["{'a': 1}", { type: "object", required: ["a"], properties: { a: number } }, undefined],
  ["input.anything", number, undefined],
  ["input.n", {}, undefined],
  ["input.kind", { enum: ["a", "c"] }, undefined],
  ["input.n", { enum: ["a"] }, "string is wanted, and this gives number"],
])("%s given where %j is wanted: %s", (source, schema, why) => {
  const inferred = infer(source);
  if (!inferred.ok) throw new Error(inferred.problem.message);
  expect(assignable(inferred.value, schema)?.message).toBe(why);
});

test("without schemas everything but an unknown name or function is taken to be right", () => {
  const compiled = compileExpression("input.a.b + steps.c.output.d");
  if (!isCompiled(compiled)) throw new Error(compiled.message);
  expect(typeOf(compiled, {})).toEqual({ ok: true, value: { cel: "dyn", schema: {} } });
});
