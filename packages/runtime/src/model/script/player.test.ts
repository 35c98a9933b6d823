import type { JsonSchema, Message } from "@agentflow/protocol";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import {
  type ScriptAnswer,
  type ScriptRequest,
  beatsOf,
  createPlayer,
  embed,
  parseScript,
  sampleOf,
} from "./index.ts";

const head = "apiVersion: agentflow.dev/v1\nkind: ModelScript\n";
const player = (yaml: string) => createPlayer(parseScript(head + yaml, "s.yaml"), "s.yaml");
const user = (text: string): Message => ({ role: "user", text });
const result = (tool: string, output: string): Message => ({
  role: "tool",
  results: [{ id: "1", tool, output }],
});
const said = (text: string): Message => ({ role: "assistant", parts: [{ kind: "text", text }] });
const ask = (messages: readonly Message[], more: Partial<ScriptRequest> = {}): ScriptRequest => ({
  model: "m-1",
  messages,
  tools: [],
  ...more,
});
const tool = (name: string) => ({ name, description: "", input: { type: "object" } });
function textOf(answer: ScriptAnswer): string {
  if (answer.kind !== "reply") return JSON.stringify(answer);
  return answer.reply.parts.map((part) => (part.kind === "call" ? "" : part.text)).join("");
}

describe("rules", () => {
  const conditions: readonly [string, string, ScriptRequest, boolean][] = [
    ["contains, in any case", "{contains: REFUND}", ask([user("a refund please")]), true],
    ["contains each", "{contains: [refund, order]}", ask([user("a refund please")]), false],
    [
      "contains looks at the user, not at the model",
      "{contains: refund}",
      ask([user("hi"), said("refund")]),
      false,
    ],
    ["matches", "{matches: 'order (\\d+)'}", ask([user("Order 42")]), true],
    [
      "instructions",
      "{instructions: triage}",
      ask([{ role: "system", text: "You triage." }, user("x")]),
      true,
    ],
    ["model with a star", "{model: 'm-*'}", ask([user("x")]), true],
    ["a star is no regular expression", "{model: 'm.*'}", ask([user("x")]), false],
    ["tools", "{tools: [a__b]}", ask([user("x")], { tools: [tool("a__b"), tool("c__d")] }), true],
    ["tools that are not offered", "{tools: [a__x]}", ask([user("x")], { tools: [tool("a__b")] }), false],
    ["result of a tool", "{result: a__b}", ask([user("x"), result("a__b", "y")]), true],
    [
      "result that is not the last",
      "{result: a__b}",
      ask([user("x"), result("a__b", "y"), user("z")]),
      false,
    ],
    ["no result", "{result: false}", ask([user("x"), result("a__b", "y")]), false],
    ["text of a result", "{resultContains: shipped}", ask([user("x"), result("a__b", "Shipped")]), true],
    ["turn", "{turn: 2}", ask([user("x"), said("y"), user("z")]), true],
    ["structured", "{structured: true}", ask([user("x")], { output: { type: "object" } }), true],
    ["an expression", "{if: 'size(messages) > 1'}", ask([user("x"), user("y")]), true],
    ["an expression that is false", "{if: 'size(messages) > 1'}", ask([user("x")]), false],
  ];
  test.each(conditions)("%s", (_, when, request, fits) => {
    const answer = player(`rules: [{when: ${when}, text: yes}]`).answer(request);
    expect(answer.kind).toBe(fits ? "reply" : "failure");
  });

  test("the first that fits answers, and is passed over once it is used up", () => {
    const one = player(`rules:
  - {when: {contains: hi}, times: 2, text: "first \${n}"}
  - {text: "then \${n}"}`);
    const texts = ["hi", "hi", "hi", "ho"].map((text) => textOf(one.answer(ask([user(text)]))));
    expect(texts).toEqual(["first 1", "first 2", "then 3", "then 4"]);
  });

  test("what is used up in one scope is not in another", () => {
    const one = player("rules: [{times: 1, text: a}, {text: b}]");
    const texts = ["r1", "r2", "r1"].map((scope) => textOf(one.answer(ask([user("x")]), scope)));
    expect(texts).toEqual(["a", "a", "b"]);
  });

  test("the same requests get the same answers", () => {
    const yaml = `rules:
  - when: {turn: 1, tools: [a__b]}
    text: Look.
    calls: [{tool: a__b, input: {q: "\${message}"}}, {tool: a__b}]
  - {when: {result: a__b}, json: {got: "\${results[0].output}", n: "\${n}"}}
default: auto`;
    const requests = [
      ask([user("x")], { tools: [tool("a__b")] }),
      ask([user("x"), result("a__b", "y")]),
      ask([user("x")], {
        output: { type: "object", required: ["k"], properties: { k: { type: "string" } } },
      }),
    ];
    const play = () => requests.map((one) => first.answer(one));
    let first = player(yaml);
    const answers = play();
    first = player(yaml);
    expect(play()).toEqual(answers);
    expect(answers.map(textOf)).toEqual(["Look.", '{"got":"y","n":2}', '{"k":"text"}']);
    expect(answers[0]).toMatchObject({
      reply: {
        finish: "tool_calls",
        parts: [{}, { kind: "call", id: "call_1_0", input: { q: "x" } }, { id: "call_1_1", input: {} }],
      },
    });
  });

  test("the groups of a pattern stand in templates", () => {
    const one = player(`rules: [{when: {matches: 'order (\\d+)'}, text: "Number \${match[1]}."}]`);
    expect(textOf(one.answer(ask([user("my order 42!")])))).toBe("Number 42.");
  });

  test("without a rule the failure shows what was asked and how near each rule came", () => {
    const one = player(
      "rules: [{name: greet, when: {contains: hello}, text: x}, {when: {turn: 3}, text: y}]",
    );
    const answer = one.answer(ask([user("x".repeat(500))], { tools: [tool("a__b")] }));
    expect(answer).toMatchObject({ kind: "failure", failure: "bad_request", status: 400 });
    const text = JSON.stringify(answer);
    for (const part of [
      "m-1",
      "turn 1",
      "a__b",
      "xxx…",
      "rule 1 (greet): not contains: hello",
      "rule 2: not turn: 3",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain("x".repeat(201));
  });

  test("a request longer than the window is refused", () => {
    const one = player("contextTokens: 10\ndefault: auto");
    expect(one.answer(ask([user("short")])).kind).toBe("reply");
    expect(one.answer(ask([user("x".repeat(41))]))).toMatchObject({
      failure: "context_overflow",
      status: 400,
    });
  });

  test("a template that fails at this request is a failure that names the rule", () => {
    const answer = player('rules: [{name: r, text: "${results[0].output}"}]').answer(ask([user("x")]));
    expect(answer).toMatchObject({ kind: "failure", message: expect.stringContaining("rule 1 (r).text") });
  });
});

describe("a script with faults", () => {
  const faulty: readonly [string, string][] = [
    ["rules: [{txt: x}]", 'rules.0: unknown key "txt" (did you mean text?)'],
    ["rules: [{when: {contains: x}}]", "rule 1: answers nothing"],
    ["rules: [{text: x, hang: true}]", "answers in several ways"],
    ["rules: [{text: '${'}]", "rule 1.text"],
    ["rules: [{when: {matches: '('}, text: x}]", "rule 1: when.matches"],
    ["rules: [{when: {if: '1 +'}, text: x}]", "rule 1: when.if"],
    ["rules: [{fail: {}}]", "fail: write kind or status"],
    ["rules: [", "not YAML"],
  ];
  test.each(faulty)("%s", (yaml, message) => {
    expect(() => player(yaml)).toThrow(message);
    expect(() => player(yaml)).toThrow("s.yaml:");
  });
});

describe("beats", () => {
  const reply = (yaml: string): ScriptAnswer & { kind: "reply" } => {
    const answer = player(`rules: [${yaml}]`).answer(ask([user("x")]));
    if (answer.kind !== "reply") throw new Error(JSON.stringify(answer));
    return answer;
  };
  const kinds = (yaml: string) => [...beatsOf(reply(yaml))].map(({ kind }) => kind);
  const letters = (yaml: string) =>
    [...beatsOf(reply(yaml))].map((beat) => (beat.kind === "delta" ? beat.text : "")).join("");

  test("joined they are the reply, letter by letter", () => {
    const text = "One  two 👩‍👩‍👧 three\\nfour ";
    expect(letters(`{text: "${text}"}`)).toBe(text.replace("\\n", "\n"));
    expect(letters(`{text: "${text}", pace: {chunks: 7}}`)).toBe(text.replace("\\n", "\n"));
    expect(letters("{hostile: giant_text}")).toHaveLength(1_000_000);
  });

  test("no piece ends within a letter", () => {
    for (const beat of beatsOf(reply('{text: "👩👩👩👩", pace: {chunks: 8}}'))) {
      if (beat.kind === "delta") expect(beat.text.isWellFormed()).toBe(true);
    }
  });

  test("a cut loses what follows, the end included", () => {
    expect(letters('{text: "one two three", cut: 5}')).toBe("one t");
    expect(kinds('{text: "one two three", cut: 5}').slice(-1)).toEqual(["cut"]);
    expect(kinds("{text: one, cut: 100}").slice(-1)).toEqual(["cut"]);
  });

  test("a malformed piece comes after the first", () => {
    expect(kinds("{text: one two, malformed: true}")).toEqual([
      "begin",
      "delta",
      "malformed",
      "delta",
      "end",
      "finish",
    ]);
  });

  test("pace is waited for between pieces", () => {
    const waits = [...beatsOf(reply("{text: abcdefgh, pace: {delayMs: 9, tokensPerSecond: 10, chunks: 2}}"))];
    expect(waits.filter(({ kind }) => kind === "wait")).toEqual([
      { kind: "wait", ms: 9 },
      { kind: "wait", ms: 100 },
      { kind: "wait", ms: 100 },
    ]);
  });
});

describe("the smallest value of a schema", () => {
  const schemas: readonly JsonSchema[] = [
    {
      type: "object",
      required: ["a", "b"],
      properties: { a: { enum: ["x", "y"] }, b: { type: "integer", minimum: 3 } },
    },
    { type: "array", minItems: 2, items: { type: "string", minLength: 6 } },
    { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "null" }] },
    { $ref: "#/$defs/t", $defs: { t: { type: "object", required: ["c"], properties: { c: { const: 7 } } } } },
    {
      allOf: [
        { type: "object", required: ["a"], properties: { a: { type: "boolean" } } },
        { required: ["b"], properties: { b: { type: "string", maxLength: 2 } } },
      ],
    },
    { type: ["string", "null"], format: "email" },
    { type: "integer", multipleOf: 5, minimum: 12 },
    { type: "number", maximum: -2 },
  ];
  test.each(schemas)("%j is fulfilled", (schema) => {
    const ajv = new Ajv2020({ validateFormats: false, strict: false });
    const value = sampleOf(schema);
    expect(ajv.validate(schema, value), JSON.stringify(value)).toBe(true);
  });

  test("a schema that points at itself ends", () => {
    expect(() =>
      sampleOf({ type: "object", required: ["me"], properties: { me: { $ref: "#" } } }),
    ).not.toThrow();
  });
});

test("equal texts have equal vectors of length 1", () => {
  expect(embed("Hello world")).toEqual(embed("hello, world"));
  expect(embed("hello")).not.toEqual(embed("world"));
  expect(Math.hypot(...embed("a b c"))).toBeCloseTo(1, 9);
  expect(embed("", 8)).toHaveLength(8);
});
