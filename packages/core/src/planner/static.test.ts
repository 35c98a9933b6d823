import type { Finding, Json } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import type { Catalog } from "../plan/index.ts";
import { compileWorkflow } from "./index.ts";

const text = { type: "string" };
const order = {
  type: "object",
  properties: { id: text, state: text, total: { type: "number" } },
  required: ["id"],
};
const catalog: Catalog = {
  tools: new Map([
    [
      "orders.find",
      {
        effect: "read",
        input: {
          type: "object",
          properties: { id: text, n: { type: "integer" } },
          required: ["id"],
          additionalProperties: false,
        },
        output: order,
        timeoutMs: 5_000,
      },
    ],
    ["orders.pay", { effect: "irreversible" }],
  ]),
  agents: new Map([["writer", { effect: "read", output: { type: "object", properties: { text } } }]]),
  strict: true,
};
const input = { type: "object", properties: { ticket: text, ids: { type: "array", items: text } } };
const find = { uses: "tool:orders.find", with: { id: "1" } };

type Loose = { readonly [key: string]: Json };

function workflow(steps: Loose, rest: Loose = {}): Loose {
  return { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "triage", input, steps, ...rest };
}

function compile(steps: Loose, rest: Loose = {}, given = catalog) {
  return compileWorkflow(workflow(steps, rest), given, { version: "0123456789ab" });
}

/** `code path`, an exclamation mark for errors. */
function found(findings: readonly Finding[]): string[] {
  return findings.map(({ code, severity, path }) => `${code}${severity === "error" ? "!" : ""} ${path}`);
}

function check(steps: Loose, rest: Loose = {}, given = catalog): string[] {
  return found(compile(steps, rest, given).findings);
}

describe("normalising", () => {
  test("everything that was left out is written out", () => {
    const { plan, findings } = compile({ a: find }, { timeout: "5m", output: "${steps.a.output.id}" });
    expect(findings).toEqual([]);
    expect(plan).toEqual({
      v: 1,
      kind: "plan",
      workflow: "triage",
      version: "0123456789ab",
      planner: "static",
      input,
      timeoutMs: 300_000,
      steps: {
        a: {
          uses: { kind: "tool", name: "orders.find" },
          with: { id: "1" },
          needs: [],
          join: "all",
          effect: "read",
          pool: "default",
          retry: { max: 1, backoffMs: 1_000, factor: 2, maxBackoffMs: 300_000, nonRetryable: [] },
          timeoutMs: 5_000,
        },
      },
      output: "${steps.a.output.id}",
    });
  });

  test("durations become milliseconds, and a step's own timeout wins over its tool's", () => {
    const retry = { max: 4, backoff: "250ms", factor: 3, maxBackoff: "1m", nonRetryable: ["bad"] };
    const { plan } = compile({ a: { ...find, timeout: "9s", retry } });
    expect(plan?.steps["a"]).toMatchObject({
      timeoutMs: 9_000,
      retry: { max: 4, backoffMs: 250, factor: 3, maxBackoffMs: 60_000, nonRetryable: ["bad"] },
    });
  });

  test("needs are those written and those read, without repeats, in the order of the plan", () => {
    const { plan } = compile({
      a: find,
      b: find,
      c: find,
      d: {
        uses: "set",
        needs: ["b"],
        if: "steps.a.output.id != ''",
        with: ["${steps.b.output.id}", "text ${steps.c.output.id}"],
      },
    });
    expect(plan?.steps["d"]?.needs).toEqual(["a", "b", "c"]);
  });

  test("a catch that names a step calls it; anything else is a value", () => {
    const { plan } = compile({
      a: { ...find, catch: { then: "mend" } },
      mend: { uses: "set", with: "${steps.a.error.code}" },
      b: { ...find, catch: { when: "error.code == 'x'", then: { id: "${error.message}" } } },
      c: { ...find, catch: { then: "plain words" } },
    });
    expect(plan?.steps["a"]?.catch).toEqual({ handler: "mend" });
    expect(plan?.steps["mend"]?.needs).toEqual(["a"]);
    expect(plan?.steps["b"]?.catch).toEqual({ when: "error.code == 'x'", value: { id: "${error.message}" } });
    expect(plan?.steps["c"]?.catch).toEqual({ value: "plain words" });
  });

  test("an effect nobody declared is taken to write, and our own steps are pure", () => {
    const unknown: Catalog = { tools: new Map(), agents: new Map(), strict: false };
    const { plan } = compile({ a: { uses: "tool:x.y" }, b: { uses: "set" } }, {}, unknown);
    expect([plan?.steps["a"]?.effect, plan?.steps["b"]?.effect]).toEqual(["write", "pure"]);
  });
});

describe("shape", () => {
  const rows: [string, Loose, Loose, string[]][] = [
    ["an unknown key", { a: { ...find, retires: {} } }, {}, ["AF001! /steps/a/retires"]],
    ["an unknown key at the top", { a: find }, { outputs: {} }, ["AF001! /outputs"]],
    [
      "an unknown key of retry",
      { a: { ...find, retry: { max: 1, delay: "1s" } } },
      {},
      ["AF001! /steps/a/retry/delay"],
    ],
    ["a wrong type", { a: { ...find, if: true } }, {}, ["AF002! /steps/a/if"]],
    ["a wrong item of a list", { a: { ...find, needs: [3] } }, {}, ["AF002! /steps/a/needs/0"]],
    ["a step that is no object", { a: find, b: "tool:x" }, {}, ["AF002! /steps/b"]],
    ["a missing key", { a: { with: {} } }, {}, ["AF003! /steps/a"]],
    ["a forEach without its list", { a: { ...find, forEach: {} } }, {}, ["AF003! /steps/a/forEach"]],
    ["a bad name of a step", { "My-Step": find, a: find }, {}, ["AF004! /steps/My-Step"]],
    ["a bad pool", { a: { ...find, pool: "GPU" } }, {}, ["AF004! /steps/a/pool"]],
    [
      "an item named like something else",
      { a: { ...find, forEach: { in: "[]", as: "steps" } } },
      {},
      ["AF004! /steps/a/forEach/as"],
    ],
    ["a bad duration", { a: { ...find, timeout: "5 minutes" } }, {}, ["AF005! /steps/a/timeout"]],
    ["no time at all", { a: { ...find, timeout: "0s" } }, {}, ["AF005! /steps/a/timeout"]],
    ["nothing that can be used", { a: { uses: "orders.find" } }, {}, ["AF006! /steps/a/uses"]],
    ["a bad join", { a: find, b: { ...find, needs: ["a"], join: "some" } }, {}, ["AF006! /steps/b/join"]],
    ["a planner that is none", { a: find }, { planner: { kind: "magic" } }, ["AF006! /planner/kind"]],
    ["too many attempts", { a: { ...find, retry: { max: 1_000 } } }, {}, ["AF007! /steps/a/retry/max"]],
    ["half an attempt", { a: { ...find, retry: { max: 1.5 } } }, {}, ["AF002! /steps/a/retry/max"]],
    ["no steps", {}, {}, ["AF007! /steps"]],
  ];

  test.each(rows)("%s is named with its place", (_name, steps, rest, wanted) => {
    expect(check(steps, rest)).toEqual(wanted);
  });

  test("an unknown key says what may have been meant", () => {
    expect(compile({ a: { ...find, neds: [] } }).findings[0]?.message).toContain('did you mean "needs"');
  });

  test("more than a thousand steps are refused", () => {
    const steps = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`s${i}`, find]));
    expect(check(steps)).toEqual(["AF007! /steps"]);
  });

  test("a definition that is no object at all is told in one finding", () => {
    for (const wrong of [null, 3, "text", [], undefined, new Date(0)]) {
      expect(found(compileWorkflow(wrong, catalog).findings)).toEqual(["AF002! "]);
    }
  });

  test("what is not JSON is refused wherever any JSON may stand", () => {
    const loop: { [key: string]: unknown } = {};
    loop["self"] = loop;
    for (const wrong of [loop, { at: new Date(0) }, Number.NaN, () => 1]) {
      const given = { ...workflow({}), steps: { a: { uses: "set", with: wrong } } };
      expect(found(compileWorkflow(given, catalog).findings)).toEqual(["AF002! /steps/a/with"]);
    }
  });

  test("keys of the prototype are keys like any other", () => {
    const steps: Loose = JSON.parse('{"__proto__": {"uses": "set"}, "constructor": {"uses": "set"}}');
    const given = workflow(steps);
    expect(found(compileWorkflow(given, catalog).findings)).toEqual(["AF004! /steps/__proto__"]);
  });

  test("a step that cannot be read is still known to those that name it", () => {
    expect(check({ a: { uses: "nonsense" }, b: { ...find, needs: ["a"] } })).toEqual([
      "AF006! /steps/a/uses",
    ]);
  });

  test("all faults are told at once", () => {
    const steps = { a: { ...find, timeout: "x", needs: ["zz"] }, b: { uses: "tool:orders.fnd", if: "1 +" } };
    expect(check(steps).toSorted()).toEqual([
      "AF005! /steps/a/timeout",
      "AF101! /steps/a/needs/0",
      "AF401! /steps/b/if",
      "AF501! /steps/b/uses",
    ]);
  });
});

describe("graph", () => {
  const set = (reads: Json, more: Loose = {}) => ({ uses: "set", with: reads, ...more });
  const rows: [string, Loose, Loose, string[]][] = [
    ["an unknown step that is needed", { a: { ...find, needs: ["b"] } }, {}, ["AF101! /steps/a/needs/0"]],
    ["an unknown step that is read", { a: set({ x: "${steps.b.output}" }) }, {}, ["AF101! /steps/a/with/x"]],
    [
      "a cycle",
      { a: { ...find, needs: ["b"] }, b: { ...find, needs: ["c"] }, c: { ...find, needs: ["a"] } },
      {},
      ["AF102! /steps/a"],
    ],
    [
      "a catch that nearly names a step",
      { a: { ...find, catch: { then: "mennd" } }, mend: find },
      {},
      ["AF103 /steps/a/catch/then"],
    ],
    [
      "an unknown step in the output",
      { a: find },
      { output: { x: "${steps.b.output}" } },
      ["AF104! /output/x"],
    ],
    [
      "join any with one need",
      { a: find, b: { ...find, needs: ["a"], join: "any" } },
      {},
      ["AF105 /steps/b/join"],
    ],
    [
      "join n with too few",
      { a: find, b: { ...find, needs: ["a"], join: "n:2" } },
      {},
      ["AF105! /steps/b/join"],
    ],
    ["a step that needs itself", { a: { ...find, needs: ["a"] } }, {}, ["AF106! /steps/a/needs/0"]],
    [
      "a step that reads itself",
      { a: { ...find, catch: { then: "${steps.a.error.code}" } } },
      {},
      ["AF106! /steps/a/catch/then"],
    ],
    [
      "a step that waits for a handler",
      { a: { ...find, catch: { then: "h" } }, h: find, b: { ...find, needs: ["h"] } },
      {},
      ["AF107! /steps/b"],
    ],
    [
      "a handler of two steps",
      { a: { ...find, catch: { then: "h" } }, b: { ...find, catch: { then: "h" } }, h: find },
      {},
      ["AF108! /steps/b/catch/then"],
    ],
    [
      "a handler that waits for a step that does not come before",
      { a: { ...find, catch: { then: "h" } }, b: find, h: { ...find, needs: ["b"] } },
      {},
      ["AF109! /steps/h"],
    ],
    [
      "a step whose name is computed",
      { a: set("${steps[input.ticket].output}") },
      {},
      ["AF110! /steps/a/with"],
    ],
  ];

  test.each(rows)("%s is found", (_name, steps, rest, wanted) => {
    expect(check(steps, rest)).toEqual(wanted);
  });

  test("a cycle is named from one end to the other", () => {
    const { findings } = compile({
      b: { ...find, needs: ["a"] },
      a: { ...find, needs: ["b"] },
      c: { ...find, needs: ["a"] },
    });
    expect(findings[0]?.message).toBe("these steps wait for each other: a → b → a");
  });
});

describe("data", () => {
  const rows: [string, Loose, Loose, string[]][] = [
    ["a syntax error", { a: { ...find, with: { id: "${input.}" } } }, {}, ["AF401! /steps/a/with/id"]],
    ["a syntax error in the output", { a: find }, { output: "${1 +}" }, ["AF401! /output"]],
    ["a syntax error in select", { a: { ...find, select: "output[" } }, {}, ["AF401! /steps/a/select"]],
    [
      "a key the input does not have",
      { a: { ...find, with: { id: "${input.tiket}" } } },
      {},
      ["AF402! /steps/a/with/id"],
    ],
    ["a key a tool does not give", { a: find }, { output: "${steps.a.output.idd}" }, ["AF402! /output"]],
    ["operands that do not fit", { a: { ...find, if: "input.ticket + 1 == 2" } }, {}, ["AF402! /steps/a/if"]],
    [
      "a select that reads more than its output",
      { a: { ...find, select: "input.ticket" } },
      {},
      ["AF402! /steps/a/select"],
    ],
    ["a literal of the wrong type", { a: { ...find, with: { id: 3 } } }, {}, ["AF403! /steps/a/with/id"]],
    [
      "a wait for no duration",
      { a: { uses: "wait", with: { for: "forever" } } },
      {},
      ["AF403! /steps/a/with"],
    ],
    [
      "a wait until no time",
      { a: { uses: "wait", with: { until: "tomorrow" } } },
      {},
      ["AF403! /steps/a/with"],
    ],
    ["a wait for nothing", { a: { uses: "wait", with: {} } }, {}, ["AF403! /steps/a/with"]],
    ["an argument that is missing", { a: { ...find, with: {} } }, {}, ["AF403! /steps/a/with"]],
    [
      "an argument that is unknown",
      { a: { ...find, with: { id: "1", idd: 1 } } },
      {},
      ["AF403! /steps/a/with/idd"],
    ],
    [
      "an expression of the wrong type",
      { a: { ...find, with: { id: "${size(input.ticket)}" } } },
      {},
      ["AF404! /steps/a/with/id"],
    ],
    ["a condition that is no truth", { a: { ...find, if: "input.ticket" } }, {}, ["AF404! /steps/a/if"]],
    [
      "a forEach over what is no list",
      { a: { ...find, forEach: { in: "input.ticket" } } },
      {},
      ["AF404! /steps/a/forEach/in"],
    ],
    [
      "an item of the wrong type",
      { a: { ...find, forEach: { in: "input.ids", as: "id" }, with: { id: "1", n: "${id}" } } },
      {},
      ["AF404! /steps/a/with/n"],
    ],
    [
      "a step that may be skipped, read without a default",
      { a: { ...find, if: "input.ticket != ''" }, b: { ...find, with: { id: "${steps.a.output.id}" } } },
      {},
      ["AF405 /steps/b/with/id"],
    ],
    [
      "a handler that reads the output of what failed",
      { a: { ...find, catch: { then: "h" } }, h: { uses: "set", with: "${steps.a.output}" } },
      {},
      ["AF405 /steps/h/with"],
    ],
  ];

  test.each(rows)("%s is found", (_name, steps, rest, wanted) => {
    expect(check(steps, rest)).toEqual(wanted);
  });

  describe("keys that a schema does not know, and does not forbid", () => {
    const closed = { type: "object", properties: { q: text, opts: { $ref: "#/$defs/opts" } } };
    const opts = { type: "object", properties: { timeout: text, tags: { type: "array", items: closed } } };
    const tool = (schema: Loose, args: Json) => {
      const tools = new Map([["a.b", { effect: "read" as const, input: { ...schema, $defs: { opts } } }]]);
      return compile({ a: { uses: "tool:a.b", with: args } }, {}, { ...catalog, tools }).findings;
    };
    const other = { type: "object", properties: { r: text } };

    test("are told with what was meant and what is taken; the plan is made", () => {
      const [finding, ...rest] = tool(closed, { q: "${input.ticket}", opst: "${input.ticket}" });
      expect(rest).toEqual([]);
      expect(finding).toEqual({
        code: "AF406",
        severity: "warning",
        path: "/steps/a/with/opst",
        message: 'tool a.b: opst is no key of its input: it is dropped, did you mean "opts"?',
        hint: "it takes q, opts",
      });
    });

    test.each<[string, Loose, Json, string[]]>([
      ["within", closed, { opts: { tiemout: "1s" } }, ["AF406 /steps/a/with/opts/tiemout"]],
      ["in a list", closed, { opts: { tags: [{ x: 1 }] } }, ["AF406 /steps/a/with/opts/tags/0/x"]],
      ["of a schema without keys", { type: "object", properties: {} }, { q: 1 }, ["AF406 /steps/a/with/q"]],
      [
        "of no choice",
        { anyOf: [closed, other, { type: "null" }] },
        { r: "", s: 1 },
        ["AF406 /steps/a/with/s"],
      ],
      ["of no part", { allOf: [closed, other] }, { q: "", r: "", s: 1 }, ["AF406 /steps/a/with/s"]],
      [
        "in a record",
        { type: "object", additionalProperties: closed },
        { any: { x: 1 } },
        ["AF406 /steps/a/with/any/x"],
      ],
      [
        "once where it is forbidden",
        { ...closed, additionalProperties: false },
        { x: 1 },
        ["AF403! /steps/a/with/x"],
      ],
    ])("%s", (_name, schema, args, wanted) => expect(found(tool(schema, args))).toEqual(wanted));

    test.each<[string, Loose]>([
      ["that lets others through", { ...closed, additionalProperties: {} }],
      ["of a record", { type: "object", additionalProperties: text }],
      ["with patterns", { ...closed, patternProperties: { "^x": text } }],
      ["of anything", {}],
      ["with a choice of anything", { anyOf: [closed, {}] }],
      ["of any object", { type: "object" }],
    ])("are left alone in a schema %s", (_name, schema) => expect(tool(schema, { xyz: "1" })).toEqual([]));
  });

  test("what fits is left alone", () => {
    const steps = {
      a: {
        ...find,
        with: { id: "${input.ticket}", n: 3 },
        if: "input.ticket.size() > 3",
        select: "output.id",
      },
      b: { uses: "agent:writer", with: { any: ["${steps.?a.?output.orValue('')}"] } },
      c: { ...find, forEach: { in: "input.ids", as: "id" }, with: { id: "${id + item}" } },
      d: { uses: "set", with: "${steps.c.output.map(o, o.total)}" },
      e: { uses: "wait", with: { for: "1s" }, needs: ["d"] },
      f: { uses: "set", needs: ["a", "d"], join: "settled", with: "${steps.d.status}" },
    };
    expect(check(steps, { output: "${steps.b.output.text}" })).toEqual([]);
  });
});

describe("capability", () => {
  test("an unknown tool is an error where all are listed, with the one that may have been meant", () => {
    const { findings } = compile({ a: { uses: "tool:orders.fnd" } });
    expect(found(findings)).toEqual(["AF501! /steps/a/uses"]);
    expect(findings[0]?.message).toContain('did you mean "orders.find"');
  });

  test("an unknown agent is a warning while workers may still come, and the plan is made", () => {
    const { plan, findings } = compile({ a: { uses: "agent:nobody" } }, {}, { ...catalog, strict: false });
    expect(found(findings)).toEqual(["AF501 /steps/a/uses"]);
    expect(plan).toBeDefined();
  });
});

describe("people", () => {
  test("an approval has its time written out; a question to a person always has one", () => {
    const { plan, findings } = compile({
      a: { ...find, approval: true },
      b: { ...find, approval: { text: "Sure, ${input.ticket}?", expires: "2h" } },
      c: { uses: "human:approve", with: { text: "Sure?" } },
      d: { ...find },
    });
    expect(findings).toEqual([]);
    const approvals = Object.values(plan?.steps ?? {}).map(({ approval }) => approval);
    const day = 86_400_000;
    expect(approvals).toEqual([
      { expiresMs: day },
      { text: "Sure, ${input.ticket}?", expiresMs: 7_200_000 },
      { expiresMs: day },
      undefined,
    ]);
  });

  test("what is wrong with an approval is told where it stands", () => {
    expect(check({ a: { ...find, approval: { expires: "soon" } } })).toEqual([
      "AF005! /steps/a/approval/expires",
    ]);
    expect(check({ a: { ...find, approval: { why: "x" } } })).toEqual(["AF001! /steps/a/approval/why"]);
    expect(check({ a: { uses: "set", approval: true } })).toEqual(["AF006! /steps/a/approval"]);
    expect(check({ a: { ...find, approval: { text: "${input.nothing +}" } } })).toEqual([
      "AF401! /steps/a/approval/text",
    ]);
  });

  test("the text of an approval may read steps, which then come before", () => {
    const { plan } = compile({ a: find, b: { ...find, approval: { text: "${steps.a.output.id}" } } });
    expect(plan?.steps["b"]?.needs).toEqual(["a"]);
  });

  test("an answer has a type", () => {
    const ask = { uses: "human:approve", with: {} };
    expect(check({ a: ask, b: { ...find, if: "steps.a.output.approved" } })).toEqual([]);
    expect(check({ a: ask, b: { ...find, if: "steps.a.output.by" } })).toEqual(["AF404! /steps/b/if"]);
    expect(check({ a: ask, b: { ...find, if: "steps.a.output.aproved" } })).toEqual(["AF402! /steps/b/if"]);
  });

  test("budgets become what a run may use up, and its deadline", () => {
    const { plan } = compile(
      { a: find },
      { timeout: "1h", budgets: { usd: 0.5, tokens: 9_000, time: "10m" } },
    );
    expect(plan).toMatchObject({ timeoutMs: 600_000, budget: { usd: "0.5", tokens: 9_000 } });
    expect(compile({ a: find }, { budgets: { usd: 1e-7 } }).plan?.budget).toEqual({ usd: "0.0000001" });
    expect(compile({ a: find }, { budgets: { usd: 20 } }).plan?.budget).toEqual({ usd: "20" });
    expect(check({ a: find }, { budgets: { usd: -1, tokens: 1.5, tiem: "1m" } }).toSorted()).toEqual([
      "AF001! /budgets/tiem",
      "AF002! /budgets/tokens",
      "AF007! /budgets/usd",
    ]);
  });
});
