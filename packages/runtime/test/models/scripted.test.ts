/** The scripted model, and model calls as a runner makes them. */
import type { LivePart, ModelRequest } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { ModelCall, ResolvedModel } from "../../src/channel/model-messages.ts";
import type { Call, CallEnd } from "../../src/channel/runner-messages.ts";
import { createCalls, loadProject } from "../../src/index.ts";
import { type Scratch, scratchProject, toolFile } from "../scratch-project.ts";

const scratches: Scratch[] = [];
afterEach(() => {
  for (const scratch of scratches.splice(0)) scratch.remove();
});

interface House {
  ask(request: Partial<ModelRequest>, model?: Partial<ResolvedModel>): Promise<CallEnd>;
  call(call: Call | ModelCall): Promise<CallEnd>;
  stop(reason: string): void;
  readonly parts: LivePart[];
}

async function house(files: { readonly [file: string]: string } = {}): Promise<House> {
  const scratch = scratchProject(files);
  scratches.push(scratch);
  const ends = new Map<number, (end: CallEnd) => void>();
  const parts: LivePart[] = [];
  const calls = createCalls({
    project: await loadProject(scratch.dir),
    projectDir: scratch.dir,
    done: (id, end) => ends.get(id)?.(end),
    tell: () => {},
    part: (_, more) => parts.push(...more),
  });
  let next = 1;
  const call = (what: Call | ModelCall): Promise<CallEnd> => {
    const id = next++;
    return new Promise((resolve) => {
      ends.set(id, resolve);
      calls.call(id, what);
    });
  };
  return {
    parts,
    call,
    stop: (reason) => calls.stop(next - 1, reason),
    ask: (request, model = {}) =>
      call({
        kind: "model",
        name: "default",
        model: { provider: "scripted", model: "scripted", timeoutMs: 5_000, ...model },
        request: { messages: [{ role: "user", text: "Where is order 7?" }], tools: [], ...request },
        ...where,
        n: 2,
      }),
  };
}

const where = { run: "r1", workflow: "w", step: "s", attempt: 1, callId: "r1:s:1-0" };

const script = `apiVersion: agentflow.dev/v1
kind: ModelScript
name: shop
rules:
  - when: {turn: 1}
    calls: [{tool: orders__find, input: {id: "7"}}]
  - when: {contains: cut}
    text: one two three four five six
    cut: 8
  - text: It is on its way.
`;

test("the project's script answers, in pieces and whole", async () => {
  const { ask, parts } = await house({ "prompts/script.yaml": script });
  expect(await ask({})).toMatchObject({
    kind: "reply",
    reply: { finish: "tool_calls", parts: [{ kind: "call", tool: "orders__find", input: { id: "7" } }] },
  });
  const later: ModelRequest["messages"] = [
    { role: "user", text: "Where is order 7?" },
    {
      role: "assistant",
      parts: [{ kind: "call", id: "call_1_0", tool: "orders__find", input: { id: "7" } }],
    },
    { role: "tool", results: [{ id: "call_1_0", tool: "orders__find", output: { state: "sent" } }] },
  ];
  expect(await ask({ messages: later })).toMatchObject({
    reply: { finish: "stop", parts: [{ kind: "text", text: "It is on its way." }] },
  });
  expect(parts).toEqual([
    { kind: "call", n: 2, tool: "orders__find" },
    { kind: "text", n: 2, from: 0, text: "It is on its way." },
  ]);
});

test("without a script it repeats, and gives a value by the schema", async () => {
  const { ask } = await house();
  const output = { type: "object", required: ["n"], properties: { n: { type: "integer", minimum: 3 } } };
  expect(await ask({ output }, { provider: "openai-compatible", baseUrl: "" })).toMatchObject({
    reply: { parts: [{ kind: "text", text: '{"n":3}' }] },
  });
  const end = await ask({});
  expect(JSON.stringify(end)).toContain("Where is order 7?");
});

test.each([
  ["a script that is not there", { script: "prompts/no.yaml" }, "prompts/no.yaml does not exist"],
  ["a script outside the project", { script: "../x.yaml" }, "not below the project"],
  ["a script with a fault", { script: "prompts/bad.yaml" }, "prompts/bad.yaml"],
])("%s is a failure that says so", async (_, model, text) => {
  const { ask } = await house({ "prompts/bad.yaml": "kind: Nothing\n" });
  expect(await ask({}, model)).toMatchObject({
    kind: "failed",
    failure: { code: "model_bad_request", message: expect.stringContaining(text) },
  });
});

const rulesOf = (rule: string): { readonly [file: string]: string } => ({
  "prompts/script.yaml": `apiVersion: agentflow.dev/v1\nkind: ModelScript\nname: x\nrules: [${rule}]\n`,
});

test.each([
  [
    "{fail: {kind: rate_limit, retryAfterMs: 900}}",
    { code: "model_rate_limited", details: { retryAfterMs: 900 } },
  ],
  ["{fail: {kind: auth}}", { code: "model_auth" }],
  ["{fail: {kind: context_overflow}}", { code: "model_context_overflow" }],
  ["{fail: {status: 503}}", { code: "model_unavailable", details: { status: 503 } }],
  ["{text: a b c d, cut: 3}", { code: "model_unavailable" }],
  ["{text: a b c d, malformed: true}", { code: "model_malformed" }],
  ["{hostile: giant_text}", { code: "model_bad_request", message: expect.stringContaining("longer than") }],
])("a script's %s is a failure of ours", async (rule, failure) => {
  const { ask } = await house(rulesOf(rule));
  expect(await ask({})).toMatchObject({ kind: "failed", failure });
});

test("a model that hangs ends at its timeout, or when it is stopped", async () => {
  const { ask, stop } = await house(rulesOf("{hang: true}"));
  expect(await ask({}, { timeoutMs: 30 })).toMatchObject({
    failure: { code: "model_timeout", message: expect.stringContaining("30 ms") },
  });
  const asked = ask({});
  stop("the run was cancelled");
  expect(await asked).toMatchObject({
    failure: { message: expect.stringContaining("the run was cancelled") },
  });
});

test("arguments that nest too deep are kept as text", async () => {
  const { ask } = await house(
    rulesOf(`{calls: [{tool: a__b, raw: '${'{"a":'.repeat(3_000)}1${"}".repeat(3_000)}'}]}`),
  );
  const end = await ask({});
  const part = end.kind === "reply" ? end.reply.parts[0] : undefined;
  expect(part).toMatchObject({ kind: "call", tool: "a__b", text: expect.stringMatching(/^\{"a":/) });
  expect(part).not.toHaveProperty("input");
});

test("a tool says how far it is to whoever watches", async () => {
  const { call, parts } = await house({
    "tools/work.ts": toolFile(`context.progress("half", { done: 0.5 }); return n;`),
  });
  const end = await call({ kind: "tool", name: "work.go", input: { n: 1 }, ...where });
  expect(end).toMatchObject({ kind: "output", output: 1 });
  expect(parts).toEqual([{ kind: "progress", call: "r1:s:1-0", message: "half", data: { done: 0.5 } }]);
});
