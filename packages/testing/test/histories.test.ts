/**
 * What an earlier release's clients and servers said to each other, as recorded then. Today's server must
 * still answer those requests, and today's client must still understand those answers.
 * `UPDATE_HISTORIES=1` writes the file of a new release; files that are there stay as they are.
 */
import { createClient } from "@agentflow/sdk/client";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type House, openHouse, token } from "./fixtures/house.ts";

const folder = new URL("../../protocol/histories/", import.meta.url);

interface Exchange {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body?: unknown };
  readonly response: { readonly status: number; readonly body: Recorded };
}

interface Recorded {
  readonly v: number;
  readonly ok: boolean;
  readonly data?: unknown;
  readonly error?: { readonly code: string; readonly reason: string; readonly message: string };
}

interface Frames {
  readonly sent: string;
  readonly answers: readonly (readonly [string, number, ...unknown[]])[];
}

interface History {
  readonly v: 1;
  readonly release: string;
  readonly exchanges: readonly Exchange[];
  readonly socket: readonly Frames[];
}

const run = (letter: string): string => `r0000000001${letter.repeat(16)}`;
const steps = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };
const definition = { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "later", steps };

/** In this order: each stands on what the ones before it did. */
const requests: readonly (Exchange["request"] & { readonly name: string })[] = [
  { name: "register", method: "POST", path: "/v1/workflows", body: { definition, strict: false } },
  { name: "workflows", method: "GET", path: "/v1/workflows" },
  { name: "workflow", method: "GET", path: "/v1/workflows/later" },
  {
    name: "start_and_wait",
    method: "POST",
    path: "/v1/runs?waitMs=10000",
    body: { run: run("a"), workflow: "echo", input: { x: 1 }, labels: { team: "docs" } },
  },
  {
    name: "start_again",
    method: "POST",
    path: "/v1/runs?waitMs=10000",
    body: { run: run("a"), workflow: "echo", input: { x: 1 }, labels: { team: "docs" } },
  },
  {
    name: "start_conflict",
    method: "POST",
    path: "/v1/runs",
    body: { run: run("a"), workflow: "echo", input: { x: 2 } },
  },
  { name: "run", method: "GET", path: `/v1/runs/${run("a")}` },
  { name: "why", method: "GET", path: `/v1/runs/${run("a")}/why` },
  { name: "events", method: "GET", path: `/v1/runs/${run("a")}/events?limit=100` },
  {
    name: "start",
    method: "POST",
    path: "/v1/runs",
    body: { run: run("b"), workflow: "held", input: { x: 1 } },
  },
  { name: "why_open", method: "GET", path: `/v1/runs/${run("b")}/why` },
  { name: "wait", method: "GET", path: `/v1/runs/${run("b")}/wait?waitMs=50` },
  {
    name: "cancel",
    method: "POST",
    path: `/v1/runs/${run("b")}/cancel`,
    body: { input: "c1", reason: "no" },
  },
  {
    name: "resolve",
    method: "POST",
    path: `/v1/runs/${run("b")}/resolve`,
    body: { input: "r1", step: "a", as: "done" },
  },
  { name: "runs", method: "GET", path: "/v1/runs?limit=10&status=completed,cancelled" },
  { name: "tools", method: "GET", path: "/v1/tools" },
  { name: "agents", method: "GET", path: "/v1/agents" },
  { name: "workers", method: "GET", path: "/v1/workers" },
  { name: "telemetry", method: "GET", path: "/v1/telemetry?limit=10" },
  { name: "create_key", method: "POST", path: "/v1/keys", body: { name: "reader", scopes: ["runs:read"] } },
  { name: "keys", method: "GET", path: "/v1/keys" },
  { name: "status", method: "GET", path: "/v1/status" },
  { name: "unknown_run", method: "GET", path: `/v1/runs/${run("z")}` },
  { name: "invalid_id", method: "GET", path: "/v1/runs/NO" },
  { name: "unknown_path", method: "GET", path: "/v1/nothing" },
  {
    name: "unknown_workflow",
    method: "POST",
    path: "/v1/runs",
    body: { run: run("c"), workflow: "nothing" },
  },
];

const frames: readonly string[] = [
  JSON.stringify([
    ["start", 1, { run: run("s"), workflow: "echo", input: { x: 5 } }, 10_000],
    ["start", 2, { run: run("t"), workflow: "nothing" }, 0],
  ]),
  JSON.stringify([
    ["wait", 3, run("s"), 1_000],
    ["follow", 4, run("s"), ""],
  ]),
];

async function ask(url: string, { method, path, body }: Exchange["request"]): Promise<Exchange["response"]> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: Recorded = JSON.parse(await response.text());
  return { status: response.status, body: answer };
}

/** What comes for a frame until each number in it has its answer or its end. */
async function say(url: string, sent: string, endings: number): Promise<Frames["answers"]> {
  // As a browser brings its token: Node's own socket takes no headers.
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/socket`, ["agentflow", `bearer.${token}`]);
  const got: [string, number, ...unknown[]][] = [];
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("error", () => reject(new Error("no socket")));
    socket.addEventListener("open", () => socket.send(sent));
    socket.addEventListener("message", ({ data }) => {
      got.push(...JSON.parse(String(data)));
      if (got.filter(([kind]) => kind !== "event").length >= endings) resolve();
    });
  });
  socket.close();
  return got.toSorted(([, a], [, b]) => a - b);
}

const releaseNow: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;
const fileOf = (release: string): URL => new URL(`${release}/http.json`, folder);

async function record(): Promise<void> {
  const house = await openHouse();
  const exchanges: Exchange[] = [];
  for (const { name, ...request } of requests) {
    exchanges.push({ name, request, response: await ask(house.url, request) });
  }
  const socket: Frames[] = [];
  for (const sent of frames) socket.push({ sent, answers: await say(house.url, sent, 2) });
  await house.close();
  mkdirSync(new URL(`${releaseNow}/`, folder), { recursive: true });
  const history: History = { v: 1, release: releaseNow, exchanges, socket };
  writeFileSync(fileOf(releaseNow), `${JSON.stringify(history, null, 1)}\n`);
}

if (process.env["UPDATE_HISTORIES"] === "1" && !existsSync(fileOf(releaseNow))) await record();

test("this release has its exchanges", () => {
  expect(existsSync(fileOf(releaseNow)), "write them with UPDATE_HISTORIES=1").toBe(true);
});

/** Values that clients decide by: they stay what they are, not only their types. */
const decisive = new Set([
  "v",
  "ok",
  "status",
  "code",
  "reason",
  "kind",
  "workflow",
  "output",
  "run",
  "step",
]);

/** Where what is said now falls short of what was said then; what came since does not matter. */
function missing(then: unknown, now: unknown, at = ""): string[] {
  if (Array.isArray(then)) {
    if (!Array.isArray(now)) return [`${at} is no list any more`];
    if (then.length > 0 && now.length === 0) return [`${at} is empty`];
    return then.length === 0 ? [] : missing(then[0], now[0], `${at}[0]`);
  }
  if (typeof then !== "object" || then === null) {
    return typeof then === typeof now && (then === null) === (now === null) ? [] : [`${at} is another type`];
  }
  if (typeof now !== "object" || now === null) return [`${at} is no object any more`];
  return Object.entries(then).flatMap(([key, value]) => {
    const found: unknown = Reflect.get(now, key);
    const here = `${at}.${key}`;
    if (found === undefined) return [`${here} is gone`];
    const isPlain = typeof value !== "object";
    if (isPlain && decisive.has(key) && found !== value)
      return [`${here} was ${String(value)}, is ${JSON.stringify(found)}`];
    return missing(value, found, here);
  });
}

describe.each(readdirSync(folder))("the exchanges of %s", (release) => {
  const { exchanges, socket }: History = JSON.parse(readFileSync(fileOf(release), "utf8"));
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  test("today's server answers its clients as it did", async () => {
    for (const { name, request, response } of exchanges) {
      const now = await ask(house.url, request);
      expect({ name, status: now.status }).toEqual({ name, status: response.status });
      expect(missing(response.body, now.body, name)).toEqual([]);
    }
    for (const { sent, answers } of socket) {
      const now = await say(house.url, sent, 2);
      expect(now.map(([kind, id]) => [kind, id])).toEqual(answers.map(([kind, id]) => [kind, id]));
      for (const [at, answer] of answers.entries()) expect(missing(answer[2], now[at]?.[2])).toEqual([]);
    }
  });

  test("today's client understands its server", async () => {
    const byRequest = new Map(exchanges.map((one) => [keyOf(one.request), one.response]));
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const body: unknown = text === "" ? undefined : JSON.parse(text);
        const key = keyOf({
          method: request.method ?? "",
          path: request.url ?? "",
          ...(body === undefined ? {} : { body }),
        });
        const found = byRequest.get(key);
        response.writeHead(found?.status ?? 599, { "content-type": "application/json" });
        response.end(JSON.stringify(found?.body ?? { key }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address: AddressInfo | string | null = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const client = createClient({ url: `http://127.0.0.1:${port}`, token, retryForMs: 0 });
    const answerOf = (name: string) => exchanges.find((one) => one.name === name)?.response.body;
    const options = { run: run("a"), waitMs: 10_000, labels: { team: "docs" } };
    const asked: readonly (readonly [string, Promise<unknown>])[] = [
      ["start_again", client.runs.start("echo", { x: 1 }, options)],
      ["run", client.runs.get(run("a"))],
      ["why", client.runs.why(run("a"))],
      ["why_open", client.runs.why(run("b"))],
      ["events", client.runs.events(run("a"), { limit: 100 })],
      ["cancel", client.runs.cancel(run("b"), { input: "c1", reason: "no" })],
      ["runs", client.runs.list({ limit: 10, status: "completed,cancelled" })],
      ["workflows", client.workflows.list()],
      ["workflow", client.workflows.get("later")],
      ["tools", client.tools.list()],
      ["agents", client.agents.list()],
      ["workers", client.workers.list()],
      ["telemetry", client.telemetry.query({ limit: 10 })],
      ["keys", client.keys.list()],
      ["status", client.status()],
    ];
    for (const [name, answer] of asked) {
      expect({ name, data: await answer }).toEqual({ name, data: answerOf(name)?.data });
    }
    for (const [name, refused] of [
      ["unknown_run", () => client.runs.get(run("z"))],
      ["start_conflict", () => client.runs.start("echo", { x: 2 }, { run: run("a") })],
      ["resolve", () => client.runs.resolve(run("b"), { input: "r1", step: "a", as: "done" })],
    ] as const) {
      const { code, reason, message } = answerOf(name)?.error ?? { code: "", reason: "", message: "" };
      await expect(refused(), name).rejects.toMatchObject({ code, reason, message });
    }
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

function keyOf({ method, path, body }: Exchange["request"]): string {
  const sorted = body === undefined ? "" : JSON.stringify(body, Object.keys(flat(body)).toSorted());
  return createHash("sha256")
    .update(`${method} ${decodeURIComponent(path)} ${sorted}`)
    .digest("hex");
}

function flat(value: unknown): Record<string, true> {
  if (typeof value !== "object" || value === null) return {};
  return Object.entries(value).reduce<Record<string, true>>(
    (keys, [key, inner]) => ({ ...keys, ...flat(inner), [key]: true }),
    {},
  );
}
