/** The whole way on real HTTP: a run in a control plane, its spans at a collector that checks each rule. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { attemptContext, runContext, stepContext } from "@agentflow/host/spans";
import { defaultTenant, instant } from "@agentflow/protocol";
import { ask, type House, openHouse, runId } from "../../api/fixtures/house.ts";
import { openPost } from "./post.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Got {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

async function collector(answer: (response: ServerResponse) => void) {
  const got: Got[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    got.push({ path: request.url ?? "", headers: request.headers, body });
    answer(response);
  };
  const server = createServer((request, response) => void take(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { got, url: `http://127.0.0.1:${port}/v1/traces` };
}

const ok = (response: ServerResponse): void => void response.end("{}");

interface Found {
  readonly [key: string]: unknown;
}

function spansOf(got: readonly Got[]): Found[] {
  return got.flatMap(({ body }) =>
    JSON.parse(body).resourceSpans.flatMap(({ scopeSpans }: { scopeSpans: { spans: Found[] }[] }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
}

/** The rules of OTLP in JSON: ids as hex, 64 bits as texts, numbers of enums, one kind a value. */
function expectSound(span: Found): void {
  expect(span["traceId"]).toMatch(/^[0-9a-f]{32}$/);
  expect(span["spanId"]).toMatch(/^[0-9a-f]{16}$/);
  for (const key of ["startTimeUnixNano", "endTimeUnixNano"]) expect(span[key]).toMatch(/^\d{19}$/);
  expect([1, 2, 3, 4, 5]).toContain(span["kind"]);
  expect(span["status"]).toMatchObject({ code: expect.toSatisfy((code) => [0, 1, 2].includes(code)) });
  const kinds = ["stringValue", "intValue", "doubleValue", "boolValue", "arrayValue"];
  const attributes = span["attributes"];
  if (!Array.isArray(attributes)) throw new Error("attributes are a list");
  for (const { key, value } of attributes) {
    expect(key).toMatch(/^[a-z]/);
    const [[kind, given] = []] = Object.entries(value);
    expect(kinds).toContain(kind);
    if (kind === "intValue") expect(given).toMatch(/^-?\d+$/);
  }
}

async function open(url: string): Promise<House> {
  const house = await openHouse({}, 1, { otlp: { url, headers: { authorization: "Bearer k" } } });
  closers.push(() => house.close());
  return house;
}

test("a run's spans reach the collector: run, steps, attempts, and what was measured below", async () => {
  const { got, url } = await collector(ok);
  const house = await open(url);
  const run = runId();
  const client = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };
  const traceparent = `00-${client.trace}-${client.span}-01`;
  const of = { run, traceparent };
  const attempt = attemptContext({ ...of, step: "a", attempt: 1 });
  const { trace, span: parent } = attempt;
  const chat = {
    kind: "span" as const,
    trace,
    parent,
    span: "a".repeat(16),
    name: "chat m",
    startedAt: instant(Date.now()),
    ms: 5.5,
    ok: true,
    run,
    step: "a",
    attempt: 1,
    attributes: { "gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ["stop"] },
  };
  const batch = { v: 1, kind: "tele", source: "w", records: [chat] } as const;
  await house.controlPlane.engine.telemetry.append(defaultTenant, batch);
  await ask(house, "POST", "/v1/runs?waitMs=10000", {
    body: { run, workflow: "echo", input: { x: 1 }, traceparent },
  });
  await expect.poll(() => spansOf(got).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(6);
  const spans = spansOf(got);
  for (const span of spans) expectSound(span);
  const byId = new Map(spans.map((span) => [span["spanId"], span]));
  expect(byId.get(runContext(of).span)).toMatchObject({ traceId: client.trace, parentSpanId: client.span });
  expect(byId.get(stepContext({ ...of, step: "a" }).span)).toMatchObject({
    parentSpanId: runContext(of).span,
  });
  expect(byId.get(attempt.span)).toMatchObject({ parentSpanId: stepContext({ ...of, step: "a" }).span });
  expect(byId.get("a".repeat(16))).toMatchObject({ parentSpanId: attempt.span, kind: 1 });
  // Every parent is there, but for the client's own span.
  for (const { parentSpanId } of spans) expect([client.span, ...byId.keys()]).toContain(parentSpanId);
  const { path, headers } = got[0] ?? { path: "", headers: {} };
  expect(path).toBe("/v1/traces");
  expect(headers).toMatchObject({ authorization: "Bearer k", "content-type": "application/json" });
});

test("what a run did to a client that does not sample is not exported", async () => {
  const { got, url } = await collector(ok);
  const house = await open(url);
  const body = { workflow: "echo", input: { x: 1 } };
  const quiet = `00-${"c".repeat(32)}-${"d".repeat(16)}-00`;
  await ask(house, "POST", "/v1/runs?waitMs=10000", { body: { run: runId(), traceparent: quiet, ...body } });
  await ask(house, "POST", "/v1/runs?waitMs=10000", { body: { run: runId(), ...body } });
  await expect.poll(() => spansOf(got).length, { timeout: 10_000 }).toBe(5);
  expect(JSON.stringify(got)).not.toContain("c".repeat(32));
});

test.each([
  [
    200,
    '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"old"}}',
    { kind: "taken", rejected: 3, message: "old" },
  ],
  [200, "", { kind: "taken", rejected: 0 }],
  [204, "not json", { kind: "taken", rejected: 0 }],
  [400, "", { kind: "refused", reason: "status 400" }],
  [401, "", { kind: "refused", reason: "status 401" }],
  [503, "", { kind: "retry", reason: "status 503" }],
  [429, "", { kind: "retry", reason: "status 429", afterMs: 7_000 }],
])("an answer of %i %s means %j", async (status, text, sent) => {
  const { url } = await collector((response) => {
    response.writeHead(status, status === 429 ? { "retry-after": "7" } : {});
    response.end(text);
  });
  const { post, close } = openPost({ url, headers: {} });
  expect(await post("{}")).toEqual(sent);
  close();
});

test("a collector that nobody reaches is asked again later", async () => {
  const { post, close } = openPost({ url: "http://127.0.0.1:9/v1/traces", headers: {} });
  expect(await post("{}")).toMatchObject({ kind: "retry", reason: "ECONNREFUSED" });
  close();
});
