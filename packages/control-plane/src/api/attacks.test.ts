import { subjects, parseId } from "@agentflow/protocol";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { errorAnswer } from "./answers.ts";
import { ask, type House, openHouse, runId, token } from "./fixtures/house.ts";
import { toAnswer } from "./fixtures/parse-answer.ts";
import { serverLimits } from "./limits.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse({
    origins: ["https://console.example"],
    limits: { headersTimeoutMs: 400, requestTimeoutMs: 800, streamBytesMax: 200_000, stallMs: 300 },
  });
});
afterAll(async () => {
  // Whatever was sent, nothing failed inside.
  expect(house.lines.filter((line) => line.includes("a request failed"))).toEqual([]);
  await house.close();
});

/** Bytes as they are, and everything that comes back until the connection ends. */
function raw(text: string, options: { keepOpen?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(house.port, "127.0.0.1", () => socket.write(text));
    let got = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => (got += chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(got));
    if (options.keepOpen !== true) setTimeout(() => socket.destroy(), 2_500).unref();
  });
}

const head = (line: string, more: string[] = [], host = `127.0.0.1:${house.port}`): string =>
  [line, `host: ${host}`, `authorization: Bearer ${token}`, "connection: close", ...more, "", ""].join(
    "\r\n",
  );

const post = (body: unknown, headers: Record<string, string> = {}) =>
  ask(house, "POST", "/v1/runs", { body, headers });
const good = () => ({ run: runId(), workflow: "echo", input: { x: 1 } });

describe("a bad body", () => {
  test.each<[string, unknown, number, string]>([
    ["that is not JSON", "{", 400, "invalid_json"],
    ["that is empty", "", 400, "invalid_json"],
    ["with a prototype key", `{"run":"x","input":{"__proto__":{"isAdmin":true}}}`, 400, "schema_violation"],
    [
      "with a constructor's prototype",
      `{"input":{"constructor":{"prototype":{"x":1}}}}`,
      400,
      "schema_violation",
    ],
    [
      "whose input is nested 4,000 deep",
      `{"run":"x","workflow":"echo","input":${"[".repeat(4_000)}${"]".repeat(4_000)}}`,
      400,
      "limit_exceeded",
    ],
    ["nested too deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 400, "limit_exceeded"],
    ["with a list too long", `[${"0,".repeat(10_000)}0]`, 400, "limit_exceeded"],
    ["with a string too long", JSON.stringify("x".repeat(300_000)), 400, "limit_exceeded"],
    [
      "over a megabyte",
      JSON.stringify(Array.from({ length: 9 }, () => "x".repeat(130_000))),
      413,
      "body_too_large",
    ],
    ["with an unknown field", { run: "x", workflow: "echo", inptu: 1 }, 400, "schema_violation"],
    ["with no run id", { workflow: "echo" }, 400, "schema_violation"],
    ["that is no object", "[]", 400, "schema_violation"],
    ["that is null", "null", 400, "schema_violation"],
  ])("%s is refused", async (_, body, status, reason) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status, body: { v: 1, ok: false, error: { reason } } });
    expect(toAnswer<{ isAdmin?: boolean }>({}).isAdmin).toBeUndefined();
  });

  test("names the unknown field and the place of a fault", async () => {
    expect((await post({ ...good(), inptu: 1 })).text).toContain("inptu");
    const { body } = await post({ ...good(), labels: { a: 1 } });
    expect(body.error).toMatchObject({ details: { issues: [{ path: "/labels/a" }] } });
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"])(
    "of type %s is 415",
    async (type) => {
      expect(await post(good(), { "content-type": type })).toMatchObject({
        status: 415,
        body: { error: { reason: "unsupported_media_type" } },
      });
    },
  );

  test("over a megabyte in chunks, without a length, is 413", async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new TextEncoder().encode("x".repeat(100_000)));
        controller.close();
      },
    });
    const request = toAnswer<RequestInit>({
      method: "POST",
      body,
      duplex: "half",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
    const response = await fetch(`${house.url}/v1/runs`, request);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ ok: false, error: { reason: "body_too_large" } });
  });
});

describe("a hostile id", () => {
  test.each([
    "%00",
    "..%2f..%2fetc",
    "*",
    ">",
    "a%0d%0aset-cookie:x",
    "%E2%80%AEabc",
    "%zz",
    "%",
    "r",
    "x".repeat(5_000),
    "af.log.>",
    "__proto__",
    "constructor",
    "%252e%252e",
    "r01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "%ff%fe",
  ])("%s is 400 wherever an id stands, never 500", async (id) => {
    for (const path of ["", "/wait", "/why", "/events"]) {
      const answer = await ask(house, "GET", `/v1/runs/${id}${path}`);
      expect([400, 404], answer.text).toContain(answer.status);
      expect(answer.body).toMatchObject({ ok: false });
    }
    expect([400, 404]).toContain((await ask(house, "GET", `/v1/workflows/${id}`)).status);
    expect([400, 404]).toContain((await ask(house, "DELETE", `/v1/keys/${id}`)).status);
    expect([400, 404]).toContain((await ask(house, "GET", `/v1/events?runs=${id}`)).status);
    const inBody = await post({ run: decode(id), workflow: "echo" });
    expect(inBody.status).toBe(400);
    expect((await post({ run: runId(), workflow: decode(id) })).status).toBeGreaterThanOrEqual(400);
    expect((await post({ run: runId(), workflow: decode(id) })).status).toBeLessThan(500);
  });

  test("in a path is 400 `invalid_id`", async () => {
    expect(await ask(house, "GET", "/v1/runs/*")).toMatchObject({
      status: 400,
      body: { error: { reason: "invalid_id" } },
    });
  });

  test("of an input or step is 400", async () => {
    const run = runId();
    await post({ ...good(), run });
    for (const input of ["", "a.b", "*", "A", "x".repeat(64), "\u0000", 7, null]) {
      expect((await ask(house, "POST", `/v1/runs/${run}/cancel`, { body: { input } })).status).toBe(400);
    }
  });
});

function decode(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

describe("an address", () => {
  test.each(["evil.example", "127.0.0.1", "127.0.0.1.evil.example:1", "[::1]", "localhost:1", "0.0.0.0:1"])(
    "with the Host %s is 403, with and without X-Forwarded-Host",
    async (host) => {
      const plain = await raw(head("GET /v1/runs HTTP/1.1", [], host));
      expect(plain).toMatch(/^HTTP\/1.1 403/);
      const forwarded = await raw(
        head("GET /v1/runs HTTP/1.1", [`x-forwarded-host: 127.0.0.1:${house.port}`], host),
      );
      expect(forwarded).toMatch(/^HTTP\/1.1 403/);
      expect(forwarded).toContain("foreign_host");
    },
  );

  test("X-Forwarded-Host and a method override change nothing for a good Host", async () => {
    const run = runId();
    await post({ ...good(), run, workflow: "held" });
    const headers = {
      "x-forwarded-host": "evil.example",
      "x-http-method-override": "DELETE",
      "x-forwarded-for": "1.2.3.4",
    };
    expect((await ask(house, "GET", `/v1/runs/${run}`, { headers })).status).toBe(200);
    expect((await ask(house, "GET", `/v1/runs/${run}?_method=DELETE`)).status).toBe(200);
    expect((await ask(house, "GET", `/v1/runs/${run}`)).body.data).toMatchObject({ status: "running" });
  });

  test.each(["https://evil.example", "null", "file://", "http://localhost.evil.example"])(
    "from a page of %s is 403, also a preflight, without a word of CORS",
    async (origin) => {
      for (const method of ["GET", "OPTIONS"]) {
        const answer = await ask(house, method, "/v1/runs", {
          headers: { origin, "access-control-request-method": "POST" },
        });
        expect(answer.status).toBe(403);
        expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      }
    },
  );

  test("from a page that may call is answered for that page alone, and its preflight works", async () => {
    const headers = { origin: "https://console.example", "access-control-request-method": "POST" };
    const preflight = await ask(house, "OPTIONS", "/v1/runs", { headers, auth: null });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://console.example");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
    for (const path of ["/v1/runs", "/v1/nothing"]) {
      const answer = await ask(house, "GET", path, { headers });
      expect(answer.headers.get("access-control-allow-origin")).toBe("https://console.example");
      expect(answer.headers.get("vary")).toContain("origin");
    }
  });

  test.each(["token", "access_token", "key", "API_KEY"])("with %s in its query is refused", async (name) => {
    const answer = await ask(house, "GET", `/v1/tools?${name}=${token}`, { auth: null });
    expect(answer.status).toBe(401);
    const known = await ask(house, "GET", `/v1/tools?${name}=${token}`);
    expect(known).toMatchObject({ status: 400, body: { error: { reason: "credentials_in_url" } } });
  });

  test("that is not listed is 404, a wrong method 405 with the right ones, both as JSON", async () => {
    for (const path of ["/", "/v1", "/v2/runs", "/v1/runs/", "//", "/v1/runs/x/y/z", "/.git/config"]) {
      const answer = await ask(house, "GET", path);
      expect([400, 404], path).toContain(answer.status);
      expect(answer.body).toMatchObject({ ok: false });
    }
    const wrong = await ask(house, "PUT", "/v1/runs", { body: {} });
    expect(wrong).toMatchObject({ status: 405, body: { error: { reason: "method_not_allowed" } } });
    expect(wrong.headers.get("allow")?.split(", ").toSorted()).toEqual(["GET", "POST"]);
    expect((await ask(house, "DELETE", "/v1/status")).status).toBe(405);
  });

  test("asked by HEAD has the head of GET and no body, also that of a stream", async () => {
    const answer = await ask(house, "HEAD", "/v1/runs");
    expect(answer).toMatchObject({ status: 200, text: "" });
    expect((await ask(house, "HEAD", "/v1/runs", { auth: null })).status).toBe(401);
    expect((await ask(house, "HEAD", "/v1/events")).status).toBe(200);
  });
});

describe("bytes that are no request", () => {
  test("are answered 400 in JSON and closed", async () => {
    const answer = await raw("\u0000\u0001 nonsense\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 400/);
    expect(answer).toContain(`"reason":"invalid_http"`);
  });

  test("a head over 16 KiB is 431", async () => {
    const answer = await raw(head("GET /v1/runs HTTP/1.1", [`x-big: ${"x".repeat(17_000)}`]));
    expect(answer).toMatch(/^HTTP\/1.1 431/);
    expect(answer).toContain("headers_too_large");
    expect(serverLimits.headerBytesMax).toBe(16 * 1024);
  });

  test.each([
    ["two lengths that differ", ["content-length: 5", "content-length: 6"]],
    ["a length beside chunks", ["content-length: 5", "transfer-encoding: chunked"]],
    ["a folded header", ["x-a: b\r\n content-length: 5"]],
  ])("%s: refused, so that nothing is smuggled", async (_, headers) => {
    const answer = await raw(
      `${head("POST /v1/runs HTTP/1.1", ["content-type: application/json", ...headers])}{}GET`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400/);
  });

  test("a head that trickles, one that never begins and a body that never ends are cut off", async () => {
    // Each answer ends when the server hangs up, and not before.
    const [trickle, silent, body] = await Promise.all([
      raw("GET /v1/runs HTTP/1.1\r\nhost: x\r\n", { keepOpen: true }),
      raw("", { keepOpen: true }),
      raw(`${head("POST /v1/runs HTTP/1.1", ["content-type: application/json", "content-length: 100"])}{`, {
        keepOpen: true,
      }),
    ]);
    expect(trickle).toContain("408");
    expect(silent.length + body.length).toBeGreaterThan(0);
  });

  test("an absolute address with another name is held to its Host all the same", async () => {
    expect(await raw(head("GET http://evil.example/v1/runs HTTP/1.1", [], "evil.example"))).toMatch(/ 403 /);
  });

  test("an offer of h2c is passed over, not taken for a socket", async () => {
    const answer = await raw(
      head("GET /v1/runs HTTP/1.1", ["upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"]),
    );
    expect(answer).toMatch(/^HTTP\/1.1 200/);
  });
});

describe("an error", () => {
  test("never shows a stack, a path of this machine or what was thrown inside", async () => {
    const answers = await Promise.all([
      post("{"),
      post({}),
      ask(house, "GET", "/v1/runs/*"),
      ask(house, "GET", "/nothing"),
      ask(house, "PUT", "/v1/runs"),
      ask(house, "GET", "/v1/events?runs=x"),
      ask(house, "GET", "/v1/events?after=x"),
      ask(house, "GET", "/v1/runs?cursor=x"),
    ]);
    for (const { text, status } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toMatch(/\.ts\b|\.js\b|node_modules|\/work\/|\/home|stack|node:/);
    }
  });

  test("that nobody expected says only that it was", () => {
    const answer = errorAnswer(new Error("ENOENT: /home/someone/.secret", { cause: new Error("inner") }));
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/ENOENT|home|inner|stack/);
  });

  test("is a bad cursor's 400 before a stream begins", async () => {
    const answer = await ask(house, "GET", "/v1/events?after=x");
    expect(answer).toMatchObject({ status: 400, body: { error: { reason: "invalid_cursor" } } });
  });
});

describe("guessing", () => {
  test("is answered 429 after twenty tries, while what opened before goes on opening", async () => {
    const other = await openHouse({}, 2);
    try {
      const { key } = await other.controlPlane.keys.create({
        name: "good",
        tenant: parseId("tenant", "default"),
        scopes: ["runs:read"],
      });
      expect((await ask(other, "GET", "/v1/runs", { auth: key })).status).toBe(200);
      const statuses: number[] = [];
      for (let i = 0; i < 30; i++)
        statuses.push((await ask(other, "GET", "/v1/runs", { auth: `guess-${i}` })).status);
      expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401));
      expect(statuses.at(-1)).toBe(429);
      const refused = await ask(other, "GET", "/v1/runs", { auth: "guess" });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await ask(other, "GET", "/v1/runs", { auth: key })).status).toBe(200);
      expect((await ask(other, "GET", "/v1/runs")).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});

describe("too much at once", () => {
  test("streams and sockets are bounded, and a freed place is given again", async () => {
    const small = await openHouse({ limits: { streamsMax: 3, socketsMax: 2 } }, 3);
    try {
      const stops = await Promise.all(
        Array.from({ length: 3 }, async () => {
          const stop = new AbortController();
          const headers = { authorization: `Bearer ${token}` };
          const response = await fetch(`${small.url}/v1/events`, { headers, signal: stop.signal });
          expect(response.status).toBe(200);
          // A response that nobody holds is collected, and its connection with it.
          return { abort: () => stop.abort(), response };
        }),
      );
      expect(await ask(small, "GET", "/v1/events")).toMatchObject({
        status: 429,
        body: { error: { reason: "too_many_streams" } },
      });
      expect(await streamsOf(small)).toBe(3);
      stops[0]?.abort();
      await expect.poll(() => streamsOf(small)).toBe(2);
      for (const stop of stops) stop.abort();
    } finally {
      await small.close();
    }
  });

  test("a socket too many is refused with 429", async () => {
    const small = await openHouse({ limits: { socketsMax: 1 } }, 5);
    const url = `${small.url.replace("http", "ws")}/v1/socket`;
    const open = (): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
        socket.on("open", () => resolve(101));
        socket.on("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
      });
    try {
      expect(await open()).toBe(101);
      expect(await open()).toBe(429);
    } finally {
      await small.close();
    }
  });

  test("a reader that does not read is cut off; it resumes by cursor without a gap", async () => {
    const subject = subjects.tele({
      tenant: parseId("tenant", "default"),
      source: parseId("source", "flood"),
    });
    const stuck = connect(house.port, "127.0.0.1");
    stuck.write(head("GET /v1/telemetry/stream HTTP/1.1"));
    let got = "";
    stuck.setEncoding("utf8");
    await new Promise<void>((resolve) =>
      stuck.once("data", (chunk) => {
        got += chunk;
        resolve();
      }),
    );
    stuck.pause();
    const at = new Date().toISOString();
    const total = 600;
    for (let batch = 0; batch < total / 20; batch++) {
      const records = Array.from({ length: 20 }, (_, i) => ({
        kind: "log",
        at,
        level: "info",
        source: "tool",
        message: `n${batch * 20 + i} ${"x".repeat(20_000)}`,
      }));
      await house.bus.log.append(
        subject,
        JSON.stringify({ v: 1, kind: "tele", source: "flood", dropped: 0, records }),
        { expect: "any" },
      );
    }
    await expect.poll(() => streamsOf(house), { timeout: 10_000 }).toBe(0);
    stuck.on("error", () => undefined);
    stuck.on("data", (chunk) => (got += chunk));
    await new Promise<void>((resolve) => {
      stuck.once("close", () => resolve());
      stuck.resume();
    });
    const seen = numbers(got);
    expect(seen.length).toBeLessThan(total);
    expect(seen).toEqual(seen.map((_, i) => i));
  });
});

async function streamsOf(of: House): Promise<number> {
  const { text } = await ask(of, "GET", "/metrics");
  return Number(/^agentflow_api_streams ([0-9]+)$/m.exec(text)?.[1]);
}

function numbers(text: string): number[] {
  return [...text.matchAll(/"message":"n([0-9]+) /g)].map(([, n]) => Number(n));
}

describe("readiness", () => {
  test("is 503 with the reason while the bus is gone, 200 again after, and live all the time", async () => {
    const frail = await openHouse({ readiness: { everyMs: 50, answerMs: 150, maxAgeMs: 300 } }, 4);
    try {
      await expect.poll(async () => (await ask(frail, "GET", "/readyz", { auth: null })).status).toBe(200);
      frail.bus.faults.partition("engine");
      await expect
        .poll(async () => (await ask(frail, "GET", "/readyz", { auth: null })).status, { timeout: 5_000 })
        .toBe(503);
      const { body } = await ask(frail, "GET", "/readyz", { auth: null });
      expect(body).toMatchObject({ ok: false });
      expect(body["checks"]).toContainEqual(expect.objectContaining({ name: "bus", ok: false }));
      expect((await ask(frail, "GET", "/livez", { auth: null })).status).toBe(200);
      frail.bus.faults.heal();
      await expect
        .poll(async () => (await ask(frail, "GET", "/readyz", { auth: null })).status, { timeout: 10_000 })
        .toBe(200);
    } finally {
      frail.bus.faults.heal();
      await frail.close();
    }
  });

  test("names the shards: 503 with the reason while another has them, and the status says so", async () => {
    const frail = await openHouse({ readiness: { everyMs: 50, answerMs: 150, maxAgeMs: 300 } }, 5);
    const ready = () => ask(frail, "GET", "/readyz", { auth: null });
    const shards = async () => {
      const { checks } = toAnswer<{ checks: { name: string }[] }>((await ready()).body);
      return checks.find(({ name }) => name === "shards");
    };
    const owner = (name: string) =>
      frail.bus.table.put("owner.all", JSON.stringify({ v: 1, owner: name }), { expect: "any" });
    try {
      await expect.poll(async () => (await ready()).status).toBe(200);
      expect(await shards()).toMatchObject({ ok: true });
      await owner("house-99");
      await expect.poll(async () => (await ready()).status, { timeout: 5_000 }).toBe(503);
      expect(await shards()).toMatchObject({ ok: false, reason: "other_owner" });
      const status = await ask(frail, "GET", "/v1/status");
      expect(status.body.data).toMatchObject({
        ready: {
          ok: false,
          checks: expect.arrayContaining([
            expect.objectContaining({ name: "shards", reason: "other_owner" }),
          ]),
        },
      });
      await frail.bus.table.delete("owner.all", { expect: "any" });
      await expect.poll(shards, { timeout: 5_000 }).toMatchObject({ ok: false, reason: "no_owner" });
      await owner("house-5");
      await expect.poll(async () => (await ready()).status, { timeout: 5_000 }).toBe(200);
    } finally {
      await frail.close();
    }
  });
});
