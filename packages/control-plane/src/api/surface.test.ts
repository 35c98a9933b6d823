import type { AuditPage } from "../auth/audit.ts";
import {
  type InstallationStatus,
  type JournalPage,
  type Scope,
  defaultTenant,
  parseId,
  prefixes,
} from "@agentflow/protocol";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type House, openHouse, otherTenant, runId, token } from "./fixtures/house.ts";
import { toAnswer } from "./fixtures/parse-answer.ts";
import { Voice } from "../projector/live/fixtures/voice.ts";
import { operations } from "./operations/index.ts";
import type { Operation } from "./parse-operation.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const start = (run: string, x: unknown = 1, query = "?waitMs=10000", workflow = "echo") =>
  ask(house, "POST", `/v1/runs${query}`, { body: { run, workflow, input: { x } } });

describe("a start", () => {
  test("that waits is answered 200 with the end, again with `repeated`, another body with 409", async () => {
    const run = runId();
    const first = await start(run, 7);
    expect(first).toMatchObject({
      status: 200,
      body: { v: 1, ok: true, data: { run, status: "completed", output: 7 } },
    });
    expect(first.body).not.toHaveProperty("data.repeated");
    const again = await start(run, 7);
    expect(again).toMatchObject({ status: 200, body: { data: { output: 7, repeated: true } } });
    const other = await start(run, 8);
    expect(other).toMatchObject({ status: 409, body: { ok: false, error: { code: "conflict" } } });
  });

  test("that does not wait is answered 202, and its end can be waited for", async () => {
    const run = runId();
    expect(await start(run, 1, "")).toMatchObject({
      status: 202,
      body: { data: { run, status: "running" } },
    });
    const end = await ask(house, "GET", `/v1/runs/${run}/wait?waitMs=10000`);
    expect(end.body.data).toMatchObject({ status: "completed", output: 1 });
  });

  test("of a workflow that nobody registered is 404", async () => {
    expect(await start(runId(), 1, "", "nothing")).toMatchObject({
      status: 404,
      body: { error: { code: "not_found" } },
    });
  });
});

describe("a worker's inspector", () => {
  test("is refused where the worker is another process; an unknown worker is 404", async () => {
    const inspect = (worker: string, body = {}) =>
      ask(house, "POST", `/v1/workers/${worker}/inspect`, { body });
    expect(await inspect("w-default")).toMatchObject({
      status: 409,
      body: { error: { reason: "worker_elsewhere", details: { host: "here", pid: 1 } } },
    });
    expect(await inspect("nobody")).toMatchObject({
      status: 404,
      body: { error: { reason: "no_such_worker" } },
    });
    expect(await inspect("w-default", { port: 80 })).toMatchObject({ status: 400 });
  });
});

describe("a run", () => {
  test("is shown with its steps, its events page by page, and why it stands as it does", async () => {
    const run = runId();
    await start(run);
    const view = await ask(house, "GET", `/v1/runs/${run}`);
    expect(view.body.data).toMatchObject({ run, status: "completed", steps: [{ step: "a" }, { step: "b" }] });
    const all = await eventsOf(run, "");
    const paged: unknown[] = [];
    let after = "";
    for (;;) {
      const page = await eventsOf(run, `?limit=2&after=${after}`);
      if (page.events.length === 0) break;
      expect(page.events.length).toBeLessThanOrEqual(2);
      paged.push(...page.events);
      after = page.cursor;
    }
    expect(paged).toEqual(all.events);
    expect(paged.length).toBeGreaterThan(4);
    const why = await ask(house, "GET", `/v1/runs/${run}/why`);
    expect(why.body.data).toMatchObject({ run, status: "completed" });
    const plan = await ask(house, "GET", `/v1/runs/${run}/plan`);
    expect(plan.body.data).toMatchObject({ kind: "plan", workflow: "echo", steps: { a: {}, b: {} } });
  });

  test("is cancelled once however often it is asked, and that is audited", async () => {
    const run = runId();
    await start(run, 1, "", "held");
    const cancel = () =>
      ask(house, "POST", `/v1/runs/${run}/cancel`, { body: { input: "c-1", reason: "enough" } });
    expect(await cancel()).toMatchObject({ status: 200, body: { data: { status: "cancelled" } } });
    expect(await cancel()).toMatchObject({ status: 200, body: { data: { status: "cancelled" } } });
    const later = await ask(house, "POST", `/v1/runs/${run}/cancel`, { body: { input: "c-2" } });
    expect([200, 409]).toContain(later.status);
    const trail = await audited(defaultTenant);
    expect(trail).toContainEqual(
      expect.objectContaining({ by: "local", did: "cancelRun", to: run, outcome: "done" }),
    );
  });

  test("without a step in doubt refuses to be resolved", async () => {
    const run = runId();
    await start(run, 1, "", "held");
    const answer = await ask(house, "POST", `/v1/runs/${run}/resolve`, {
      body: { input: "r-1", step: "a", as: "done", output: 1 },
    });
    expect(answer).toMatchObject({ status: 409, body: { ok: false } });
  });
});

describe("a stream of several runs", () => {
  test("resumes in the middle behind Last-Event-ID, whatever its address says", async () => {
    const runs = [runId(), runId()];
    for (const run of runs) await start(run);
    const path = `/v1/events?runs=${runs.join(",")}`;
    const whole = messagesOf((await ask(house, "GET", path)).text);
    expect(whole.at(-1)).toMatchObject({ event: "end" });
    expect(whole.length).toBeGreaterThan(10);
    for (const at of [0, 4, 7]) {
      const place = whole[at]?.id ?? "";
      const headers = { "last-event-id": place };
      const byHeader = await ask(house, "GET", `${path}&after=${whole[0]?.id ?? ""}`, { headers });
      expect(messagesOf(byHeader.text)).toEqual(whole.slice(at + 1));
      const byQuery = await ask(house, "GET", `${path}&after=${place}`);
      expect(messagesOf(byQuery.text)).toEqual(whole.slice(at + 1));
    }
  });
});

/** A journal of the run's first step, as a worker writes it. */
async function speak(run: string): Promise<Voice> {
  const of = { tenant: defaultTenant, run: parseId("run", run), step: parseId("step instance", "a") };
  const voice = new Voice({ bus: house.bus.client("voice"), ...of });
  await voice.begin();
  await voice.called(1);
  return voice;
}

describe("the journals of a run", () => {
  test("are read page by page, of all steps or of one; of a run that is not there is none", async () => {
    const run = runId();
    await start(run);
    const voice = await speak(run);
    await voice.replied(1, "hello");
    const read = async (query: string) =>
      toAnswer<JournalPage>((await ask(house, "GET", `/v1/runs/${run}/journal${query}`)).body.data);
    const all = await read("");
    expect(all.records.map(({ step, record }) => [step, record.events.length])).toEqual([
      ["a", 2],
      ["a", 1],
      ["a", 1],
    ]);
    const first = await read("?limit=2");
    const rest = await read(`?limit=2&after=${first.cursor}`);
    expect([...first.records, ...rest.records]).toEqual(all.records);
    expect(rest.cursor).toBeUndefined();
    expect((await read("?step=a")).records).toEqual(all.records);
    expect((await read("?step=b")).records).toEqual([]);
    expect((await ask(house, "GET", `/v1/runs/${run}/journal?step=.`)).status).toBe(400);
    expect((await ask(house, "GET", `/v1/runs/${runId()}/journal`)).status).toBe(404);
  });

  test("come on the stream of their run where they are asked for, with what is told live", async () => {
    const run = runId();
    await ask(house, "POST", "/v1/runs", { body: { run, workflow: "held", input: { x: 1 } } });
    const response = await fetch(`${house.url}/v1/events?runs=${run}&live=1`, {
      headers: { authorization: `Bearer ${token}` },
    });
    let text = "";
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
    })();
    const voice = await speak(run);
    await expect.poll(() => text).toContain("model_called");
    voice.say(1, 0, "hel");
    await expect.poll(() => text).toContain('"hel"');
    await voice.replied(1, "hello");
    await expect.poll(() => text).toContain("model_replied");
    house.release();
    await reading;
    const messages = messagesOf(text);
    const journal = messages.filter(({ event }) => event === "journal");
    expect(journal).toHaveLength(3);
    expect(messages.filter(({ event, id }) => event === "live" && id === undefined)).toHaveLength(1);
    expect(messages.at(-1)).toMatchObject({ event: "end" });
    // Behind any record the rest is the same, and without `live` there are events alone.
    const at = messages.findIndex(({ event }) => event === "journal");
    const path = `/v1/events?runs=${run}&after=${messages[at]?.id}`;
    const rest = messagesOf((await ask(house, "GET", `${path}&live=1`)).text);
    expect(rest).toEqual(messages.slice(at + 1).filter(({ event }) => event !== "live"));
    const events = messagesOf((await ask(house, "GET", path)).text);
    expect(events).toEqual(rest.filter(({ event }) => event !== "journal"));
  });

  test("are not told of all runs at once, and live is 1 or 0", async () => {
    for (const query of ["live=1", "runs=all&live=1", "live=yes"]) {
      expect((await ask(house, "GET", `/v1/events?${query}`)).status, query).toBe(400);
    }
  });
});

function messagesOf(text: string): { event?: string; id?: string; data?: string }[] {
  return text
    .split("\n\n")
    .filter((part) => part.startsWith("event:"))
    .map((part) => {
      const pairs = part.split("\n").map((line): [string, string] => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)];
      });
      return Object.fromEntries(pairs);
    });
}

async function eventsOf(run: string, query: string): Promise<{ events: unknown[]; cursor: string }> {
  const answer = await ask(house, "GET", `/v1/runs/${run}/events${query}`);
  expect(answer.status).toBe(200);
  return toAnswer<{ events: unknown[]; cursor: string }>(answer.body.data);
}

async function audited(tenant: string): Promise<unknown[]> {
  const { log } = house.bus;
  const stop = new AbortController();
  const records: unknown[] = [];
  const head = await log.head(prefixes.audit);
  for await (const batch of log.tail({ filter: [prefixes.audit], after: 0, signal: stop.signal })) {
    for (const { subject, body, revision } of batch) {
      if (subject === `af.audit.${tenant}`) records.push(JSON.parse(body));
      if (revision >= head) stop.abort();
    }
  }
  return records;
}

describe("a list of runs", () => {
  test("is filtered, paged by cursor, and holds what minRevision names", async () => {
    const label = `l${Date.now()}`;
    const runs: string[] = [];
    let revision = 0;
    for (let x = 0; x < 5; x++) {
      const run = runId();
      runs.push(run);
      const body = { run, workflow: "echo", input: { x }, labels: { set: label } };
      const answer = await ask(house, "POST", "/v1/runs?waitMs=10000", { body });
      revision = Math.max(revision, toAnswer<{ revision: number }>(answer.body.data).revision);
    }
    const found: string[] = [];
    let cursor = "";
    do {
      const filter = `label=set=${label}&status=completed,failed&workflow=echo`;
      const query = `${filter}&limit=2&minRevision=${revision}${cursor}`;
      const page = await ask(house, "GET", `/v1/runs?${query}`);
      expect(page.status).toBe(200);
      const data = toAnswer<{ runs: { run: string }[]; cursor?: string }>(page.body.data);
      found.push(...data.runs.map(({ run }) => run));
      cursor = data.cursor === undefined ? "" : `&cursor=${data.cursor}`;
    } while (cursor !== "");
    expect(found.toSorted()).toEqual(runs.toSorted());
    const none = await ask(house, "GET", `/v1/runs?label=set=${label}&status=failed`);
    expect(none.body.data).toMatchObject({ runs: [] });
  });

  test.each([
    ["status=gone"],
    ["limit=1e9"],
    ["limit=0"],
    ["limit=-1"],
    ["limit=x"],
    ["cursor=l%00"],
    ["cursor=lzzzzzzzzzzzz-r"],
    ["cursor=' OR 1=1"],
    ["minRevision=-1"],
    ["since=yesterday"],
    ["nothing=1"],
    ["label=x"],
  ])("with %s is 400", async (query) => {
    expect(await ask(house, "GET", `/v1/runs?${query}`)).toMatchObject({
      status: 400,
      body: { ok: false, error: { code: "invalid_input" } },
    });
  });
});

describe("the document", () => {
  test("is OpenAPI 3.1, open without a token, and whole", async () => {
    const { status, body } = await ask(house, "GET", "/openapi.json", { auth: null });
    expect(status).toBe(200);
    expect(body["openapi"]).toBe("3.1.0");
    const paths = toAnswer<Record<string, Record<string, Described>>>(body["paths"]);
    for (const { path, method, id, statuses } of operations) {
      const described = paths[path]?.[method];
      expect(described).toMatchObject({ operationId: id, security: [{ bearer: [] }] });
      expect(Object.keys(described?.responses ?? {})).toEqual(
        expect.arrayContaining([...(statuses ?? [200]).map(String), "default"]),
      );
      const names = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
      const given = (described?.parameters ?? []).filter(({ in: place }) => place === "path");
      expect(given.map(({ name }) => name)).toEqual(names);
    }
    const ids = Object.values(paths).flatMap((one) =>
      Object.values(one).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(paths["/v1/events"]?.["get"]).toBeDefined();
  });

  test("has only references that resolve and schemas that are JSON Schema", async () => {
    const { body } = await ask(house, "GET", "/openapi.json");
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    let schemas = 0;
    let references = 0;
    walk(body, (key, value) => {
      if (key === "$ref") {
        references++;
        const found = String(value)
          .slice(2)
          .split("/")
          .reduce<unknown>((at, part) => toAnswer<Record<string, unknown> | undefined>(at)?.[part], body);
        expect(found, String(value)).toBeDefined();
      }
      if (key !== "schema") return;
      schemas++;
      expect(ajv.validateSchema(toAnswer<object>(value)), JSON.stringify(ajv.errors)).toBe(true);
    });
    expect(references).toBeGreaterThan(operations.length);
    expect(schemas).toBeGreaterThan(operations.length * 2);
  });

  test("describes the answers that are really given", async () => {
    const { body } = await ask(house, "GET", "/openapi.json");
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(body, "doc");
    const run = runId();
    await start(run);
    await speak(run);
    const asked: [string, string][] = [
      ["/v1/runs", "/v1/runs"],
      ["/v1/runs/{run}", `/v1/runs/${run}`],
      ["/v1/runs/{run}/why", `/v1/runs/${run}/why`],
      ["/v1/runs/{run}/events", `/v1/runs/${run}/events`],
      ["/v1/runs/{run}/journal", `/v1/runs/${run}/journal`],
      ["/v1/workflows", "/v1/workflows"],
      ["/v1/workflows/{name}", "/v1/workflows/echo"],
      ["/v1/status", "/v1/status"],
      ["/v1/workers", "/v1/workers"],
      ["/v1/telemetry", "/v1/telemetry"],
      ["/v1/tools", "/v1/tools"],
      ["/v1/keys", "/v1/keys"],
    ];
    for (const [path, address] of asked) {
      const answer = await ask(house, "GET", address);
      expect(answer.status, address).toBe(200);
      const name = path.replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D");
      const place = `doc#/paths/${name}/get/responses/200/content/application~1json/schema`;
      const valid = ajv.validate({ $ref: place }, answer.body);
      expect(valid, `${address} ${JSON.stringify(ajv.errors)}`).toBe(true);
    }
  });
});

interface Described {
  readonly operationId: string;
  readonly responses: object;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

function walk(value: unknown, see: (key: string, value: unknown) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    see(key, inner);
    walk(inner, see);
  }
}

describe("who may do what", () => {
  const rows = operations.map((one) => [one.id, one] as const);
  let keyOf: (scope: string, tenant?: typeof otherTenant) => Promise<string>;
  let theirs: string;
  beforeAll(async () => {
    const made = new Map<string, string>();
    keyOf = async (scope, tenant = defaultTenant) => {
      const name = `${scope} ${tenant}`;
      const known = made.get(name);
      if (known !== undefined) return known;
      const { key } = await house.controlPlane.keys.create({
        name,
        tenant,
        scopes: [toAnswer<Scope>(scope)],
      });
      made.set(name, key);
      return key;
    };
    theirs = runId();
    await start(theirs, 1, "", "held");
  });

  const request = (of: Operation, auth: string | null, run = theirs) => {
    const path = of.path
      .replace("{run}", run)
      .replace("{name}", "echo")
      .replace("{pool}", "default")
      .replace("{id}", "nothing12345")
      .replace("{worker}", "w-default");
    const body = of.body === undefined ? {} : { body: bodies[of.id] ?? {} };
    return ask(house, of.method.toUpperCase(), path, { auth, ...body });
  };
  const bodies: Record<string, unknown> = {
    startRun: { run: runId(), workflow: "echo", input: { x: 1 } },
    cancelRun: { input: "matrix-1" },
    decideApproval: { input: "matrix-3", hash: "0".repeat(64), approve: true },
    resolveRun: { input: "matrix-2", step: "a", as: "done" },
    createKey: { name: "made", scopes: ["runs:read"] },
    redriveDead: { all: true, dryRun: true },
    registerWorkflow: {
      definition: {
        apiVersion: "agentflow.dev/v1",
        kind: "Workflow",
        name: "made",
        steps: { a: { uses: "tool:t.echo" } },
      },
      strict: false,
    },
  };

  test.each(rows)("%s: without a token 401", async (_, of) => {
    const without = await request(of, null);
    expect(without).toMatchObject({ status: 401, body: { ok: false, error: { code: "unauthenticated" } } });
    expect(without.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("a wrong token is 401 in every part of the API", async () => {
    // One of each tag: an address that fails twenty times is slowed down.
    for (const of of new Map(operations.map((one) => [one.tag, one])).values()) {
      const answer = await request(of, "wrong");
      expect(answer).toMatchObject({ status: 401, body: { error: { reason: "bad_credentials" } } });
    }
  });

  test("an address that failed so often is let in again by a new key a moment later", async () => {
    const open = async () => (await ask(house, "GET", "/v1/runs", { auth: await keyOf("runs:read") })).status;
    await expect.poll(open, { timeout: 5_000 }).toBe(200);
  });

  test.each(rows)("%s: a key without its scope is 403, one with it is let in", async (_, of) => {
    const other = of.scope === "runs:read" ? "runs:write" : "runs:read";
    const refused = await request(of, await keyOf(other));
    expect(refused).toMatchObject({
      status: 403,
      body: { error: { code: "forbidden", reason: "scope_missing" } },
    });
    const given = await request(of, await keyOf(of.scope));
    expect([200, 201, 202, 404, 409], given.text).toContain(given.status);
    expect(given.status).not.toBe(403);
  });

  test.each(rows.filter(([, of]) => of.path.includes("{run}")))(
    "%s: another tenant's run is 404",
    async (_, of) => {
      const answer = await request(of, await keyOf(of.scope, otherTenant));
      expect(answer, answer.text).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    },
  );

  test("streams: another tenant's run is 404, a missing scope 403, no token 401", async () => {
    const path = `/v1/events?runs=${theirs}`;
    expect((await ask(house, "GET", path, { auth: null })).status).toBe(401);
    expect((await ask(house, "GET", path, { auth: await keyOf("runs:write") })).status).toBe(403);
    expect((await ask(house, "GET", path, { auth: await keyOf("runs:read", otherTenant) })).status).toBe(404);
    expect((await ask(house, "GET", "/v1/telemetry/stream", { auth: null })).status).toBe(401);
  });

  test("the run of the other tenant was not touched", async () => {
    const view = await ask(house, "GET", `/v1/runs/${theirs}`);
    expect(view.body.data).toMatchObject({ run: theirs });
  });

  test("status shows a tenant its own figures; all of them need the scope operator", async () => {
    const statusOf = async (auth: string) =>
      toAnswer<InstallationStatus>((await ask(house, "GET", "/v1/status", { auth })).body.data);
    const whole = await statusOf(token);
    const own = await statusOf(await keyOf("runs:read", otherTenant));
    expect(whole).not.toHaveProperty("tenant");
    expect(whole).toMatchObject({ workers: 2, runs: { running: expect.any(Number) } });
    expect(whole.shards).toHaveLength(64);
    const none = { runs: {}, hot: 0, timers: 0, deadLetters: 0, shards: [], backlog: [] };
    expect(own).toMatchObject({ ...none, tenant: "other", workers: 1 });
    expect(await statusOf(await keyOf("admin", otherTenant))).toMatchObject({ ...none, tenant: "other" });
    const operator = await ask(house, "POST", "/v1/keys", {
      body: { name: "operator", scopes: ["operator", "runs:read"] },
    });
    const { key } = toAnswer<{ key: string }>(operator.body.data);
    expect((await statusOf(key)).shards).toHaveLength(64);
    expect((await ask(house, "GET", "/metrics", { auth: key })).status).toBe(200);
    expect((await ask(house, "GET", "/metrics", { auth: await keyOf("admin") })).status).toBe(403);
  });

  test("the bus is checked by a row that is gone again; that needs the scope operator", async () => {
    const before = await house.bus.table.list("");
    const checked = await ask(house, "POST", "/v1/bus/check");
    expect(checked).toMatchObject({ status: 200, body: { ok: true } });
    expect(checked.body.data).toEqual({ writeMs: expect.any(Number), readMs: expect.any(Number) });
    const rows = (await house.bus.table.list("")).filter(({ key }) => key.startsWith("doctor."));
    expect([before.length > 0, rows]).toEqual([true, []]);
    const made = await ask(house, "POST", "/v1/keys", { body: { name: "own", scopes: ["admin"] } });
    const { key } = toAnswer<{ key: string }>(made.body.data);
    expect(await ask(house, "POST", "/v1/bus/check", { auth: key })).toMatchObject({ status: 403 });
  });

  test("an admin of a tenant cannot hand out the scope operator", async () => {
    const answer = await ask(house, "POST", "/v1/keys", {
      auth: await keyOf("admin", otherTenant),
      body: { name: "up", scopes: ["operator"] },
    });
    expect(answer).toMatchObject({ status: 403, body: { error: { reason: "scope_missing" } } });
  });

  test("keys of another tenant need the scope tenants, and open that tenant alone", async () => {
    const body = { name: "theirs", tenant: "other", scopes: ["runs:read"] };
    const auth = await keyOf("admin");
    const refused = {
      status: 403,
      body: { error: { reason: "scope_missing", details: { scope: "tenants" } } },
    };
    expect(await ask(house, "POST", "/v1/keys", { auth, body })).toMatchObject(refused);
    const handed = { name: "up", scopes: ["tenants"] };
    expect(await ask(house, "POST", "/v1/keys", { auth, body: handed })).toMatchObject(refused);
    const made = await ask(house, "POST", "/v1/keys", { body });
    expect(made).toMatchObject({ status: 201, body: { data: { view: { tenant: "other" } } } });
    const { key } = toAnswer<{ key: string }>(made.body.data);
    expect((await ask(house, "GET", `/v1/runs/${theirs}`, { auth: key })).status).toBe(404);
    expect((await ask(house, "GET", "/v1/workflows/echo", { auth: key })).status).toBe(200);
  });

  test("metrics need a token, probes and the document do not", async () => {
    expect((await ask(house, "GET", "/metrics", { auth: null })).status).toBe(401);
    const metrics = await ask(house, "GET", "/metrics", { auth: token });
    expect(metrics.text).toContain("agentflow_api_requests_total");
    expect(metrics.text).toMatch(/agentflow_api_request_ms_bucket\{.*operation="startRun"/);
    expect(metrics.text).toContain("agentflow_api_sockets 0");
    expect(metrics.text).toContain("agentflow_api_streams 0");
    for (const path of ["/livez", "/readyz", "/openapi.json"]) {
      expect((await ask(house, "GET", path, { auth: null })).status, path).toBe(200);
    }
  });

  test("refusals at the gate are in the audit trail, and keys made and revoked too", async () => {
    const made = await ask(house, "POST", "/v1/keys", { body: { name: "short", scopes: ["runs:read"] } });
    expect(made.status).toBe(201);
    const { key, view } = toAnswer<{ key: string; view: { id: string } }>(made.body.data);
    expect((await ask(house, "GET", "/v1/runs", { auth: key })).status).toBe(200);
    expect((await ask(house, "DELETE", `/v1/keys/${view.id}`)).status).toBe(200);
    expect((await ask(house, "GET", "/v1/runs", { auth: key })).status).toBe(401);
    const listed = await ask(house, "GET", "/v1/keys");
    expect(listed.text).not.toContain(view.id);
    expect(listed.text).not.toContain("hash");
    const done = await audited(defaultTenant);
    expect(done).toContainEqual(expect.objectContaining({ did: "createKey", outcome: "done" }));
    expect(done).toContainEqual(expect.objectContaining({ did: "revokeKey", to: view.id }));
    const refused = await audited("_");
    expect(refused).toContainEqual(
      expect.objectContaining({ outcome: "refused", reason: "bad_credentials" }),
    );
    expect(refused).toContainEqual(expect.objectContaining({ outcome: "refused", reason: "scope_missing" }));
    expect(JSON.stringify([done, refused])).not.toContain(key);
    const pages: object[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const path: string = `/v1/audit?installation=true&limit=2&after=${after}`;
      const page: AuditPage = toAnswer((await ask(house, "GET", path)).body.data);
      expect(page.records.length).toBeLessThanOrEqual(2);
      pages.push(...page.records.map(({ revision: _, ...record }) => record));
      after = page.next;
    }
    expect(refused).toMatchObject(pages);
  });
});
