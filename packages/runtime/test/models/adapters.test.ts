/** The same conversation through every provider adapter that takes a base URL, and each way it can fail. */
import type { JsonSchema, LivePart, Message, ModelRequest } from "@agentflow/protocol";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ModelCall, ResolvedModel } from "../../src/channel/model-messages.ts";
import { createModels } from "../../src/model/call-model.ts";
import { createClients } from "../../src/model/client.ts";
import { type ModelEnd, performModel } from "../../src/runner/model-calls.ts";
import { type Said, type Wire, type WireServer, wireServer } from "./wire.ts";

const adapters: readonly {
  readonly provider: string;
  readonly wire: Wire;
  readonly options?: ResolvedModel["options"];
}[] = [
  { provider: "openai-compatible", wire: "chat" },
  { provider: "ollama", wire: "chat" },
  { provider: "mistral", wire: "mistral" },
  { provider: "openai", wire: "responses" },
  { provider: "azure", wire: "responses" },
  { provider: "anthropic", wire: "anthropic" },
  { provider: "google", wire: "google" },
  { provider: "bedrock", wire: "bedrock", options: { region: "eu-central-1" } },
];

const key = "k-3f9a-very-secret-key";
const projectDir = mkdtempSync(path.join(tmpdir(), "af-models-"));

const find = {
  name: "orders__find",
  description: "Find an order",
  input: { type: "object", properties: { id: { type: "string" } }, required: ["id"] } satisfies JsonSchema,
};

interface Done {
  readonly end: ModelEnd;
  readonly parts: readonly LivePart[];
}

const models = createModels(projectDir);

async function ask(
  model: Partial<ResolvedModel>,
  request: Partial<ModelRequest> = {},
  stop?: AbortSignal,
): Promise<Done> {
  const parts: LivePart[] = [];
  const call: ModelCall = {
    kind: "model",
    name: "default",
    model: { provider: "openai-compatible", model: "model-1", timeoutMs: 10_000, ...model },
    request: { messages: [{ role: "user", text: "Where is order 7?" }], tools: [], ...request },
    run: "r1",
    workflow: "w",
    step: "s",
    attempt: 1,
    n: 3,
    callId: "c",
    traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
  };
  const end = await performModel(call, {
    models,
    stop: stop ?? new AbortController().signal,
    part: (more) => parts.push(...more),
  });
  return { end, parts };
}

function replyOf({ end }: Done): Extract<ModelEnd, { kind: "reply" }>["reply"] {
  if (end.kind === "reply") return end.reply;
  throw new Error(JSON.stringify(end.failure));
}

function failureOf({ end }: Done): Extract<ModelEnd, { kind: "failed" }>["failure"] {
  if (end.kind === "failed") return end.failure;
  throw new Error(`a reply: ${JSON.stringify(end.reply)}`);
}

describe.each(adapters)("$provider", ({ provider, wire, options }) => {
  let server: WireServer;
  const model = (): Partial<ResolvedModel> => ({
    provider,
    baseUrl: server.url,
    apiKey: key,
    ...(options === undefined ? {} : { options }),
  });
  const say = (said: Said): void => server.say(said);
  beforeAll(async () => {
    server = await wireServer(wire);
  });
  afterAll(() => server.close());

  test("text comes in pieces, and whole with its usage", async () => {
    say({ kind: "reply", text: "It is on its way." });
    const done = await ask(model());
    const reply = replyOf(done);
    expect(reply.parts.map((part) => (part.kind === "text" ? part.text : part.kind)).join("")).toBe(
      "It is on its way.",
    );
    expect(reply.finish).toBe("stop");
    expect(reply.usage).toMatchObject({ inputTokens: 12, outputTokens: 7, cacheReadTokens: 4 });
    const text = done.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
    expect(text).toBe("It is on its way.");
    expect(done.parts.every((part) => "n" in part && part.n === 3)).toBe(true);
    expect(done.parts[0]).toMatchObject({ kind: "text", from: 0 });
    expect(done.end.kind === "reply" ? done.end.firstMs : undefined).toBeTypeOf("number");
  });

  test("calls side by side keep their order and arguments, and a second turn gives them back", async () => {
    const calls = ["7", "8"].map((id, at) => ({
      id: `call-${at}`,
      tool: "orders__find",
      input: `{"id":"${id}"}`,
    }));
    say({ kind: "reply", text: "Let me look.", calls });
    const done = await ask(model(), { tools: [find] });
    const reply = replyOf(done);
    expect(reply.finish).toBe("tool_calls");
    const asked = reply.parts.filter((part) => part.kind === "call");
    expect(asked.map(({ tool, input }) => [tool, input])).toEqual([
      ["orders__find", { id: "7" }],
      ["orders__find", { id: "8" }],
    ]);
    expect(done.parts.filter((part) => part.kind === "call").map((part) => part.tool)).toEqual([
      "orders__find",
      "orders__find",
    ]);
    say({ kind: "reply", text: "Both are here." });
    const messages: Message[] = [
      { role: "system", text: "Be brief." },
      { role: "user", text: "Where are 7 and 8?" },
      { role: "assistant", parts: reply.parts },
      {
        role: "tool",
        results: asked.map(({ id, tool }, at) =>
          at === 0
            ? { id, tool, output: { state: "sent" } }
            : { id, tool, output: "no such order", failed: true },
        ),
      },
    ];
    expect(replyOf(await ask(model(), { messages, tools: [find] })).parts).toHaveLength(1);
    const sent = JSON.stringify(server.seen.at(-1)?.body);
    for (const word of ["Be brief.", "Where are 7 and 8?", "sent", "no such order", "orders__find"]) {
      expect(sent).toContain(word);
    }
  });

  test("a schema goes with the request", async () => {
    say({ kind: "reply", text: '{"kind":"billing"}' });
    const output = {
      type: "object",
      properties: { kind: { type: "string", enum: ["billing", "other"] } },
      required: ["kind"],
      additionalProperties: false,
    };
    await ask(model(), { output, temperature: 0.2, maxOutputTokens: 300 });
    const sent = JSON.stringify(server.seen.at(-1)?.body);
    expect(sent).toContain("billing");
    expect(sent).toContain("300");
  });

  test("the key travels with the request, and is in no failure", async () => {
    say({ kind: "status", status: 401, message: `Incorrect API key provided: ${key}, sk-abc****wxyz` });
    const failure = failureOf(await ask(model()));
    expect(JSON.stringify(server.seen.at(-1)?.headers)).toContain(key);
    expect(server.seen.at(-1)?.headers["traceparent"]).toMatch(/^00-a{32}-b{16}-01$/);
    expect(failure.code).toBe("model_auth");
    expect(failure.details).toMatchObject({ status: 401 });
    expect(JSON.stringify(failure)).not.toContain(key);
    expect(JSON.stringify(failure)).not.toContain("wxyz");
  });

  test.each([
    [403, "not for you", "model_auth"],
    [404, "The model `model-1` does not exist", "model_not_found"],
    [400, "This model's maximum context length is 4096 tokens", "model_context_overflow"],
    [400, "prompt is too long: 200001 tokens > 200000 maximum", "model_context_overflow"],
    [400, "temperature must be below 2", "model_bad_request"],
    [500, "something broke", "model_unavailable"],
    [503, "overloaded", "model_unavailable"],
  ])("%i %s is %s", async (status, message, code) => {
    say({ kind: "status", status, message });
    const failure = failureOf(await ask(model()));
    expect(failure).toMatchObject({ code, details: { status } });
    expect(failure.message).toContain(message);
    expect(server.seen.length).toBeGreaterThan(0);
  });

  test("an answer that points elsewhere is not followed: neither key nor messages go there", async () => {
    const other = await wireServer(wire);
    other.say({ kind: "reply", text: "give me your key" });
    say({ kind: "status", status: 307, message: "moved", headers: { location: `${other.url}/there` } });
    const failure = failureOf(await ask(model()));
    await other.close();
    expect(other.seen).toEqual([]);
    expect(failure).toMatchObject({ code: "model_bad_request" });
    expect(failure.message).toContain(`points to ${new URL(other.url).host}`);
  });

  test("429 says when to come back, and is asked once", async () => {
    say({ kind: "status", status: 429, message: "slow down", headers: { "retry-after": "7" } });
    const before = server.seen.length;
    const failure = failureOf(await ask(model()));
    expect(failure).toMatchObject({ code: "model_rate_limited", details: { retryAfterMs: 7_000 } });
    expect(server.seen.length - before).toBe(1);
  });

  test("a connection that breaks in the middle is no reply", async () => {
    say({ kind: "cut" });
    const done = await ask(model());
    expect(failureOf(done).code).toBe("model_unavailable");
    expect(done.parts.length).toBeGreaterThan(0);
  });

  test("a stream that ends before the reply is no reply", async () => {
    say({ kind: "short" });
    expect(failureOf(await ask(model())).code).toBe("model_unavailable");
  });

  test("what cannot be read is no reply", async () => {
    say({ kind: "garbage" });
    expect(["model_malformed", "model_unavailable"]).toContain(failureOf(await ask(model())).code);
  });

  test("silence ends at the timeout, and a stop ends it at once", async () => {
    say({ kind: "hang" });
    expect(failureOf(await ask({ ...model(), timeoutMs: 60 }))).toMatchObject({ code: "model_timeout" });
    const stop = new AbortController();
    const asked = ask(model(), {}, stop.signal);
    stop.abort(new Error("the run was cancelled"));
    expect(failureOf(await asked).message).toContain("the run was cancelled");
  });

  test.skipIf(wire === "google")("arguments that are no JSON are kept as they came", async () => {
    say({ kind: "reply", calls: [{ id: "call-0", tool: "orders__find", input: '{"id": 7' }] });
    const done = await ask(model(), { tools: [find] });
    const call = replyOf(done).parts.find((part) => part.kind === "call");
    expect(call).toMatchObject({ tool: "orders__find", text: '{"id": 7' });
    expect(call).not.toHaveProperty("input");
  });
});

test("a key pair of AWS signs the request, and is in no failure", async () => {
  const server = await wireServer("bedrock");
  const apiKey = "AKIAABCDEFGH2345:the/secret+part";
  const model = { provider: "bedrock", baseUrl: server.url, apiKey, options: { region: "eu-central-1" } };
  expect(replyOf(await ask(model)).finish).toBe("stop");
  expect(server.seen[0]?.headers["authorization"]).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIAABCDEFGH2345/);
  server.say({ kind: "status", status: 403, message: "no signature with the/secret+part" });
  const failure = failureOf(await ask(model));
  expect(failure.code).toBe("model_auth");
  expect(JSON.stringify(failure)).not.toContain("secret+part");
  await server.close();
});

describe("before any request", () => {
  test("an unknown provider names the nearest", async () => {
    expect(failureOf(await ask({ provider: "antropic" }))).toMatchObject({
      code: "model_bad_request",
      message: expect.stringContaining("did you mean anthropic?"),
    });
  });

  test("a provider that needs a key is not asked without one", async () => {
    expect(failureOf(await ask({ provider: "openai" })).code).toBe("model_auth");
    expect(failureOf(await ask({ provider: "bedrock" })).code).toBe("model_auth");
  });

  test("a compatible server needs an address", async () => {
    expect(failureOf(await ask({ provider: "openai-compatible" })).message).toContain("baseUrl");
  });

  test("a server that is not there is unavailable", async () => {
    const failure = failureOf(await ask({ baseUrl: "http://127.0.0.1:9/v1" }));
    expect(failure.code).toBe("model_unavailable");
  });

  test("a package that is not installed is named with the line that installs it", async () => {
    const model = { provider: "other", model: "m", timeoutMs: 1 };
    const client = { package: "@ai-sdk/not-there", create: "createOther" };
    const facts = { name: "other", client, key: "optional", settings: [], optionsKey: "other" } as const;
    await expect(createClients(projectDir).modelOf(model, facts)).rejects.toMatchObject({
      code: "model_bad_request",
      message: "@ai-sdk/not-there is not installed; run npm install @ai-sdk/not-there",
    });
  });

  test("keys of the runner's own environment are not looked at", async () => {
    process.env["ANTHROPIC_API_KEY"] = "sk-of-the-machine";
    try {
      expect(failureOf(await ask({ provider: "anthropic" })).code).toBe("model_auth");
    } finally {
      delete process.env["ANTHROPIC_API_KEY"];
    }
  });
});

test.each([
  ["http://bob:hunter2hunter2@127.0.0.1:9/v1", "holds a name or a password"],
  ["file:///etc/passwd", "no address of a web server"],
  ["127.0.0.1:9", "no address of a web server"],
])("the address %s is refused without being repeated", async (baseUrl, why) => {
  const failure = failureOf(await ask({ baseUrl, apiKey: key }));
  expect(failure).toMatchObject({ code: "model_bad_request" });
  expect(failure.message).toContain(why);
  expect(failure.message).not.toContain(baseUrl);
});
