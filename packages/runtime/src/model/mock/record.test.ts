import { Buffer } from "node:buffer";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createOpenAI } from "@ai-sdk/openai";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Listening,
  type Recorded,
  createPlayer,
  parseScript,
  readCassette,
  startMockLlm,
  startRecorder,
  startReplay,
} from "./index.ts";

/** A machine may be busy: only what never happens fails. */
const patient = { timeout: 20_000 };

const key = "sk-test-abcdefghijklmnopqrstuvwxyz0123456789";
const secret = "correct horse battery staple";
const script = `
apiVersion: agentflow.dev/v1
kind: ModelScript
keys: ["${key}"]
rules:
  - {when: {contains: refuse}, fail: {kind: rate_limit, retryAfterMs: 1500}}
  - {when: {contains: cut}, text: one two three, cut: 4}
  - {when: {contains: echo}, text: "You told me: \${message}"}
  - {when: {contains: letters}, text: "The password is ${secret}.", pace: {chunks: 12}}
  - {when: {contains: call, turn: 1}, text: Look., calls: [{tool: a__b, input: {x: "{\\"deep\\": 1}"}}]}
  - {when: {contains: twice}, times: 1, text: first}
  - {when: {contains: twice}, text: second}
default: auto
`;

let dir: string;
const open: Listening[] = [];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "af-cassette-"));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(dir, { recursive: true, force: true });
});
const opened = <Server extends Listening>(server: Server): Server => {
  open.push(server);
  return server;
};

async function recording(to: string, secrets: readonly string[] = []) {
  const mock = opened(await startMockLlm({ player: createPlayer(parseScript(script, "s.yaml")) }));
  const told: Recorded[] = [];
  const recorder = opened(
    await startRecorder({ upstream: mock.url, to, secrets, onExchange: (one) => told.push(one) }),
  );
  return { mock, told, url: recorder.url };
}
const replaying = async (file: string, secrets: readonly string[] = []) =>
  opened(await startReplay({ exchanges: readCassette(readFileSync(file, "utf8"), file), secrets }));

const chat = (text: string, more: object = {}) =>
  JSON.stringify({ model: "m", messages: [{ role: "user", content: text }], ...more });
async function asked(url: string, place: string, body: string): Promise<[number, string | null, string]> {
  const answer = await fetch(url + place, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", authorization: `Bearer ${key}`, cookie: `session=${key}` },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return [answer.status, answer.headers.get("retry-after-ms"), bytes.toString("base64")];
}

const requests: readonly [string, string][] = [
  ["/v1/chat/completions", chat("hello")],
  ["/v1/chat/completions", chat("call", { stream: true })],
  ["/v1/chat/completions", chat("refuse")],
  ["/v1/chat/completions", chat("twice")],
  ["/v1/chat/completions", chat("twice")],
  ["/v1/responses", JSON.stringify({ model: "m", input: "hello 👩‍👩‍👧", stream: true })],
  ["/v1/messages", chat("hello", { stream: true })],
  [
    "/v1beta/models/m:streamGenerateContent?alt=sse",
    JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] }),
  ],
  ["/api/chat", chat("hello")],
  ["/model/m/converse-stream", JSON.stringify({ messages: [{ role: "user", content: [{ text: "call" }] }] })],
];

describe.each(["cassette.yaml", "cassette.jsonl"])("%s", (name) => {
  test("what was recorded is replayed byte for byte, and the file holds no key", async () => {
    const file = path.join(dir, name);
    const { url, mock } = await recording(file);
    const first = [];
    for (const [place, body] of requests) first.push(await asked(url, place, body));
    await mock.close();
    const text = readFileSync(file, "utf8");
    expect(text.split(key)).toHaveLength(1);
    expect(text).not.toMatch(/authorization|cookie|Bearer/i);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { url: again } = await replaying(file);
    const second = [];
    for (const [place, body] of requests) second.push(await asked(again, place, body));
    expect(second).toEqual(first);
    expect(new Set(second.map(([status]) => status))).toEqual(new Set([200, 429]));
  });
});

test("real packages read a replay as they read the original", async () => {
  const file = path.join(dir, "c.yaml");
  const { url } = await recording(file);
  const models = (at: string): LanguageModelV4[] => [
    createOpenAI({ baseURL: `${at}/v1`, apiKey: key })("gpt"),
    createAmazonBedrock({ region: "us-east-1", baseURL: at, apiKey: key })("nova"),
  ];
  const read = async (model: LanguageModelV4): Promise<string> => {
    const { stream } = await model.doStream({
      prompt: [{ role: "user", content: [{ type: "text", text: "hello there" }] }],
    });
    let text = "";
    for await (const part of stream) if (part.type === "text-delta") text += part.delta;
    return text;
  };
  const first = await Promise.all(models(url).map(read));
  const { url: again } = await replaying(file);
  expect(await Promise.all(models(again).map(read))).toEqual(first);
  expect(first).toEqual(["Scripted answer to: hello there", "Scripted answer to: hello there"]);
});

describe("secrets", () => {
  test("a named value is masked in bodies, plain and encoded, and the request is found again", async () => {
    const file = path.join(dir, "c.jsonl");
    const { url } = await recording(file, [secret]);
    const body = chat(`echo ${secret} ${Buffer.from(secret).toString("base64")} and AKIAABCDEFGHIJKLMNOP`);
    const [status] = await asked(url, "/v1/chat/completions", body);
    const text = readFileSync(file, "utf8");
    expect(status).toBe(200);
    for (const one of [secret, Buffer.from(secret).toString("base64"), "AKIAABCDEFGHIJKLMNOP"]) {
      expect(text).not.toContain(one);
    }
    expect(text).toContain("[redacted]");
    const { url: again } = await replaying(file, [secret]);
    expect((await asked(again, "/v1/chat/completions", body))[0]).toBe(200);
  });

  test("the key of a request is masked in its body and in the answer, whatever it looks like", async () => {
    const file = path.join(dir, "c.jsonl");
    const mock = opened(
      await startMockLlm({ player: createPlayer(parseScript(script.replace(key, "plain-word"), "s")) }),
    );
    const { url } = opened(await startRecorder({ upstream: mock.url, to: file }));
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: chat("echo plain-word"),
      headers: { "x-api-key": "plain-word" },
    });
    expect(await answer.text()).toContain("You told me: echo plain-word");
    expect(readFileSync(file, "utf8").match(/\[redacted\]/g)).toHaveLength(2);
    expect(readFileSync(file, "utf8")).not.toContain("plain-word");
  });

  test("a key in the query stands nowhere", async () => {
    const file = path.join(dir, "c.yaml");
    const { url } = await recording(file);
    const body = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] });
    await asked(url, `/v1beta/models/m:streamGenerateContent?alt=sse&key=${key}`, body);
    expect(readFileSync(file, "utf8")).toContain("?alt=sse\n");
    expect(readFileSync(file, "utf8")).not.toContain(key);
  });

  const spelled: readonly [string, string][] = [
    ["/v1/chat/completions", chat("letters", { stream: true })],
    ["/v1/messages", chat("letters", { stream: true })],
    ["/api/chat", chat("letters")],
    [
      "/model/m/converse-stream",
      JSON.stringify({ messages: [{ role: "user", content: [{ text: "letters" }] }] }),
    ],
  ];
  test.each(spelled)("%s: what a model spells out over several pieces is left out", async (place, body) => {
    const file = path.join(dir, "c.jsonl");
    const { url, told } = await recording(file, [secret]);
    expect((await asked(url, place, body))[0]).toBe(200);
    await expect.poll(() => told, patient).toMatchObject([{ left: "secret", status: 200 }]);
    expect(readFileSync(file, "utf8")).toBe("");
  });
});

describe("what cannot be recorded", () => {
  test("an answer that was cut is passed on as cut, and left out", async () => {
    const file = path.join(dir, "c.yaml");
    const { url, told } = await recording(file);
    await expect(asked(url, "/v1/chat/completions", chat("cut", { stream: true }))).rejects.toThrow(
      /terminated/,
    );
    await expect.poll(() => told, patient).toMatchObject([{ left: "aborted" }]);
    expect(readFileSync(file, "utf8")).toBe("");
  });

  test("a provider that cannot be reached is a 502", async () => {
    const { url, mock, told } = await recording(path.join(dir, "c.yaml"));
    await mock.close();
    expect((await asked(url, "/v1/chat/completions", chat("x")))[0]).toBe(502);
    expect(told).toMatchObject([{ left: "unreachable" }]);
  });

  test("a redirect is not followed: the key would go to another address", async () => {
    const asked: string[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(request.headers.authorization ?? "");
      if (request.url === "/v1/models") response.writeHead(307, { location: "/v1/other" });
      response.end();
    });
    elsewhere.listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const address = elsewhere.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { url } = opened(
      await startRecorder({ upstream: `http://127.0.0.1:${port ?? 0}`, to: path.join(dir, "c.yaml") }),
    );
    const answer = await fetch(`${url}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
      redirect: "manual",
    });
    expect(answer.status).toBe(307);
    expect(asked).toEqual([`Bearer ${key}`]);
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  test("a path that names another host goes to the upstream like any other", async () => {
    const elsewhere = createServer((_, response) => response.end("elsewhere")).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const address = elsewhere.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { url } = await recording(path.join(dir, "c.yaml"));
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `GET /.//127.0.0.1:${port}/v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n` +
        `authorization: Bearer ${key}\r\n\r\n`,
    );
    const answer = (await socket.toArray()).join("");
    elsewhere.close();
    expect(answer).toContain('"data":');
    expect(answer).not.toContain("elsewhere");
  });

  const upstreams: readonly [string, RegExp][] = [
    ["http://api.example.com", /in the clear/],
    ["ftp://api.example.com", /no address/],
    ["https://user:pass@api.example.com", /password/],
    ["nonsense", /no address/],
  ];
  test.each(upstreams)("%s is refused", async (upstream, why) => {
    await expect(startRecorder({ upstream, to: path.join(dir, "c.yaml") })).rejects.toThrow(why);
  });

  test("a file that is there and is no recording is refused, and stays as it is", async () => {
    const to = path.join(dir, "script.yaml");
    writeFileSync(to, script);
    await expect(startRecorder({ upstream: "https://api.example.com", to })).rejects.toThrow(/no recording/);
    expect(readFileSync(to, "utf8")).toBe(script);
  });
});

describe("a request that was not recorded", () => {
  test("is a 404 that shows where the nearest differs; order of keys and user do not matter", async () => {
    const file = path.join(dir, "c.yaml");
    const { url } = await recording(file);
    await asked(url, "/v1/chat/completions", chat("hello", { temperature: 0 }));
    await asked(url, "/v1/chat/completions", chat("another thing", { temperature: 1, top_p: 1 }));
    const { url: again } = await replaying(file);
    const same = { user: "u1", temperature: 0, messages: [{ content: "hello", role: "user" }], model: "m" };
    expect((await asked(again, "/v1/chat/completions", JSON.stringify(same)))[0]).toBe(200);
    const [status, , body] = await asked(again, "/v1/chat/completions", chat("hullo", { temperature: 0 }));
    expect(status).toBe(404);
    expect(Buffer.from(body, "base64").toString("utf8")).toContain(
      String.raw`messages.0.content: recorded \"hello\", asked \"hullo\"`,
    );
    const [, , other] = await asked(again, "/v1/messages", chat("hello"));
    expect(Buffer.from(other, "base64").toString("utf8")).toContain("recorded are POST /v1/chat/completions");
  });

  test.each([
    ["c.jsonl", "{", "c.jsonl, line 1 is no JSON"],
    ["c.jsonl", '{"v":1,"kind":"exchange"}', "c.jsonl, line 1: request.method is missing"],
    ["c.yaml", "a: [", "c.yaml, exchange 1: not YAML"],
    ["c.yaml", "a: 1", "c.yaml, exchange 1: is no recorded exchange"],
  ])("a file that is no recording is refused with its place: %s %s", (file, text, message) => {
    expect(() => readCassette(text, file)).toThrow(message);
  });
});
