import { Buffer } from "node:buffer";
import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { createPlayer, parseScript } from "../script/index.ts";
import type { MockCall } from "./calls.ts";
import { bodyBytesMax } from "./http.ts";
import { type MockLlm, startMockLlm } from "./index.ts";

/** A machine may be busy: only what never happens fails. */
const patient = { timeout: 20_000 };

let mock: MockLlm | undefined;
afterEach(() => mock?.close());

async function start(yaml: string, onCall?: (call: MockCall) => void): Promise<MockLlm> {
  const script = parseScript(`apiVersion: agentflow.dev/v1\nkind: ModelScript\n${yaml}`, "s.yaml");
  mock = await startMockLlm({ player: createPlayer(script), ...(onCall === undefined ? {} : { onCall }) });
  return mock;
}
const ask = (text: string, more: object = {}) =>
  JSON.stringify({ model: "m", messages: [{ role: "user", content: text }], ...more });
const post = (url: string, body: string, headers: { [name: string]: string } = {}) =>
  fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

describe("who may ask", () => {
  test("it listens on loopback, and answers no other name: a page in a browser cannot reach it", async () => {
    const { url } = await start("default: auto");
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const status = await new Promise((resolve) => {
      const asked = request(`${url}/v1/models`, { headers: { host: "evil.example" } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.end();
    });
    expect(status).toBe(403);
    expect((await fetch(url.replace("127.0.0.1", "localhost") + "/v1/models")).status).toBe(200);
  });

  test("a body over the limit is refused", async () => {
    const { url } = await start("default: auto");
    const answer = await post(`${url}/v1/chat/completions`, "x".repeat(bodyBytesMax + 1)).catch(
      () => undefined,
    );
    expect(answer?.status ?? 413).toBe(413);
    expect((await post(`${url}/v1/chat/completions`, ask("x"))).status).toBe(200);
  });

  const places: readonly [string, string, { [name: string]: string }][] = [
    ["bearer", "", { authorization: "Bearer right-key-0123456789" }],
    ["x-api-key", "", { "x-api-key": "right-key-0123456789" }],
    ["api-key", "", { "api-key": "right-key-0123456789" }],
    ["x-goog-api-key", "", { "x-goog-api-key": "right-key-0123456789" }],
    ["query", "?key=right-key-0123456789", {}],
    [
      "signature",
      "",
      { authorization: "AWS4-HMAC-SHA256 Credential=right-key-0123456789/2026/x, Signature=0" },
    ],
  ];
  test.each(places)("a key is found as %s", async (_, query, headers) => {
    const { url } = await start("keys: [right-key-0123456789]\ndefault: auto");
    expect((await post(`${url}/v1/chat/completions${query}`, ask("x"), headers)).status).toBe(200);
    expect((await post(`${url}/v1/chat/completions`, ask("x"))).status).toBe(401);
  });
});

describe("what was asked", () => {
  test("is counted, listed and told, its key masked", async () => {
    const told: MockCall[] = [];
    const { url } = await start("rules: [{name: one, when: {contains: hi}, text: Hello}]", (call) =>
      told.push(call),
    );
    const secret = "sk-a-secret-key-0123456789";
    await post(`${url}/v1/chat/completions?key=${secret}`, ask("hi"), { authorization: `Bearer ${secret}` });
    await post(`${url}/v1/chat/completions`, ask("ho"));
    const listed = await (await fetch(`${url}/_calls`)).text();
    expect(JSON.parse(listed)).toMatchObject({
      count: 2,
      byOutcome: { replied: 1, failed: 1 },
      calls: [
        {
          n: 1,
          rule: "rule 1 (one)",
          outcome: "replied",
          status: 200,
          message: "hi",
          turn: 1,
          key: "***6789",
        },
        { n: 2, rule: "none", outcome: "failed", status: 400, key: "none" },
      ],
    });
    expect(told).toHaveLength(2);
    expect(listed + JSON.stringify(told)).not.toContain("secret");
  });

  test("a message that is no JSON, or makes no sense, is a 400 with words", async () => {
    const { url } = await start("default: auto");
    for (const [path, body] of [
      ["/v1/chat/completions", "{"],
      ["/v1/chat/completions", "{}"],
      ["/v1/responses", "{}"],
      ["/v1/responses", '{"input":[{"type":"item_reference","id":"msg_unknown"}]}'],
      ["/v1/messages", "{}"],
      ["/v1beta/models/m:generateContent", "{}"],
      ["/api/chat", "{}"],
      ["/model/m/converse", "{}"],
    ] as const) {
      const answer = await post(url + path, body);
      expect([path, answer.status]).toEqual([path, 400]);
      expect((await answer.text()).length).toBeGreaterThan(20);
    }
  });

  test("a path that no provider has is a 404 that names it", async () => {
    const { url } = await start("default: auto");
    const answer = await fetch(`${url}/v1/chat/completions`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("GET /v1/chat/completions");
  });

  test("a deployment of Azure is a model by its path", async () => {
    const told: MockCall[] = [];
    const { url } = await start("default: auto", (call) => told.push(call));
    const path = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21";
    await post(url + path, JSON.stringify({ messages: [{ role: "user", content: "x" }] }));
    expect(told).toMatchObject([{ model: "my-gpt" }]);
  });

  test("models are listed in each provider's shape", async () => {
    const { url } = await start("models: [a, b*]\ndefault: auto");
    const get = async (path: string, headers = {}) => (await fetch(url + path, { headers })).json();
    expect(await get("/v1/models")).toMatchObject({ object: "list", data: [{ id: "a" }] });
    expect(await get("/v1/models", { "anthropic-version": "2023-06-01" })).toMatchObject({
      data: [{ type: "model", id: "a" }],
    });
    expect(await get("/v1beta/models")).toMatchObject({ models: [{ name: "models/a" }] });
    expect(await get("/api/tags")).toMatchObject({ models: [{ name: "a" }] });
  });

  test("an asker that leaves in the middle is noticed", async () => {
    const { url, calls } = await start("rules: [{text: a b c d e f, pace: {tokensPerSecond: 0.1}}]");
    const leaving = new AbortController();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: ask("x", { stream: true }),
      signal: leaving.signal,
    });
    expect(answer.status).toBe(200);
    leaving.abort();
    await expect.poll(() => calls.byOutcome, patient).toEqual({ left: 1 });
  });
});

test("the same requests get the same bytes from a server that was started again", async () => {
  const script = "rules: [{when: {turn: 1}, text: Look, calls: [{tool: a__b, input: {x: 1}}]}, {text: Done}]";
  const paths = [
    ["/v1/chat/completions", ask("x", { stream: true })],
    ["/v1/responses", JSON.stringify({ model: "m", input: "x", stream: true })],
    ["/v1/messages", ask("x", { stream: true })],
    [
      "/v1beta/models/m:streamGenerateContent",
      JSON.stringify({ contents: [{ role: "user", parts: [{ text: "x" }] }] }),
    ],
    ["/api/chat", ask("x")],
    ["/model/m/converse-stream", JSON.stringify({ messages: [{ role: "user", content: [{ text: "x" }] }] })],
  ] as const;
  const rounds: string[] = [];
  for (let round = 0; round < 2; round++) {
    const { url, close } = await start(script);
    let all = "";
    for (const [path, body] of paths) {
      const answer = await post(url + path, body);
      expect(answer.status).toBe(200);
      all += Buffer.from(await answer.arrayBuffer()).toString("base64");
    }
    rounds.push(all);
    await close();
  }
  expect(rounds[0]).toBe(rounds[1]);
});
