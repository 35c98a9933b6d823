/** The operations by which people look at the bus, against the real router. */
import type { DeadLetterView, DeadPage, BusPeek, InstallationTop, RedriveAnswer } from "@agentflow/protocol";
import { defaultPool, defaultTenant } from "@agentflow/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type House, openHouse, otherTenant, runId, token } from "./fixtures/house.ts";
import { toAnswer } from "./fixtures/parse-answer.ts";
import { openUndertaker, poisonPool, type Undertaker } from "./fixtures/bury.ts";

let house: House;
let foreign: string;
beforeAll(async () => {
  house = await openHouse();
  foreign = await keyOf(otherTenant, ["runs:read", "runs:write"]);
});
afterAll(() => house.close());

async function keyOf(tenant: string, scopes: readonly string[]): Promise<string> {
  const body = { name: `k-${tenant}`, tenant, scopes };
  const made = await ask(house, "POST", "/v1/keys", { body });
  return toAnswer<{ key: string }>(made.body.data).key;
}

const start = (run: string, workflow = "echo", auth?: string) =>
  ask(house, "POST", `/v1/runs${workflow === "echo" ? "?waitMs=10000" : ""}`, {
    body: { run, workflow, input: { x: "the-input" } },
    ...(auth === undefined ? {} : { auth }),
  });

const dead = async (query = "", auth?: string): Promise<readonly DeadLetterView[]> => {
  const answer = await ask(house, "GET", `/v1/bus/dead${query}`, auth === undefined ? {} : { auth });
  return toAnswer<DeadPage>(answer.body.data).items;
};

const redrive = async (body: object, auth?: string) =>
  ask(house, "POST", "/v1/bus/dead/redrive", { body, ...(auth === undefined ? {} : { auth }) });

describe("top", () => {
  test("counts what runs do while somebody asks, and each tenant its own", async () => {
    const top = async (auth?: string): Promise<InstallationTop> => {
      const { body } = await ask(house, "GET", "/v1/top", auth === undefined ? {} : { auth });
      return toAnswer<InstallationTop>(body.data);
    };
    const before = await top();
    expect(before.workers.map(({ tenant }) => tenant).toSorted()).toEqual([defaultTenant, otherTenant]);
    await start(runId());
    const after = await top();
    expect(after.since).toBe(before.since);
    expect(after.counters.runsStarted - before.counters.runsStarted).toBe(1);
    expect(after.counters.runsCompleted - before.counters.runsCompleted).toBe(1);
    expect(after.counters.stepsSucceeded - before.counters.stepsSucceeded).toBe(2);
    expect(after.steps.samples).toBeGreaterThanOrEqual(2);
    expect(after.pools).toMatchObject([{ pool: defaultPool, workers: 2, slots: 128, waiting: 0 }]);
    const own = await top(foreign);
    expect(own).toMatchObject({ tenant: otherTenant, nodes: [], streams: [], counters: { runsStarted: 0 } });
    expect(own.workers.map(({ tenant }) => tenant)).toEqual([otherTenant]);
    expect(own.pools).toMatchObject([{ slots: 64 }]);
  });
});

describe("a dead letter", () => {
  let undertaker: Undertaker;
  const run = runId();
  beforeAll(async () => {
    undertaker = await openUndertaker(house);
    await start(run, "poisoned");
  });
  afterAll(() => undertaker.stop());

  test("is listed with its run, step and why, and that the run waits for it", async () => {
    await expect.poll(() => dead()).toHaveLength(1);
    const [letter] = await dead();
    expect(letter).toMatchObject({
      tenant: defaultTenant,
      pool: poisonPool,
      run,
      step: "a",
      attempt: 1,
      uses: "tool:t.echo",
      reason: "newer_version",
      deliveries: 1,
      times: 1,
      state: "open",
    });
    expect(await dead("?pool=other")).toEqual([]);
    expect(await dead(`?run=${runId()}`)).toEqual([]);
    expect(await dead("?reason=newer")).toHaveLength(1);
  });

  test("of another tenant is not there: neither listed nor redriven nor peeked at", async () => {
    expect(await dead("", foreign)).toEqual([]);
    const [{ letter } = { letter: 0 }] = await dead();
    const named = await redrive({ letters: [letter] }, foreign);
    expect(named).toMatchObject({ status: 404, body: { error: { reason: "no_such_letter" } } });
    const all = await redrive({ all: true }, foreign);
    expect(all.body.data).toMatchObject({ items: [] });
    const log = await ask(house, "GET", `/v1/bus/peek?kind=log&run=${run}`, { auth: foreign });
    expect(log).toMatchObject({ status: 404, body: { error: { reason: "run_not_found" } } });
    const tail = await ask(house, "GET", `/v1/bus/tail?run=${run}`, { auth: foreign });
    expect(tail).toMatchObject({ status: 404, body: { error: { reason: "run_not_found" } } });
    for (const path of [
      `/v1/bus/dead?tenant=${defaultTenant}`,
      `/v1/bus/peek?kind=queue&tenant=${defaultTenant}`,
    ]) {
      expect(await ask(house, "GET", path, { auth: foreign })).toMatchObject({ status: 403 });
    }
  });

  test("is redriven only by who says which, or all; a dry run changes nothing", async () => {
    expect(await redrive({})).toMatchObject({ status: 400, body: { error: { reason: "letters_missing" } } });
    const dry = await redrive({ all: true, dryRun: true });
    expect(dry.body.data).toMatchObject({ dryRun: true, items: [{ run, step: "a", outcome: "would_send" }] });
    expect(undertaker.given).toBe(1);
  });

  test("that is redriven goes to a worker again, under its id; buried once more it is one line", async () => {
    const first = await redrive({ all: true });
    expect(first.body.data).toMatchObject({ items: [{ run, outcome: "sent" }] });
    await expect.poll(async () => (await dead())[0]?.times).toBe(2);
    expect(undertaker.given).toBe(2);
    expect(await dead()).toHaveLength(1);
    const trail = await ask(house, "GET", "/v1/audit");
    expect(trail.body.data).toMatchObject({
      records: expect.arrayContaining([expect.objectContaining({ did: "redriveDead", to: run })]),
    });
  });

  test("whose task is done is settled, and redriving it again is harmless", async () => {
    undertaker.work();
    await redrive({ all: true });
    const end = await ask(house, "GET", `/v1/runs/${run}/wait?waitMs=10000`);
    expect(end.body.data).toMatchObject({ status: "completed", output: "the-input" });
    expect(await dead()).toMatchObject([{ run, state: "settled" }]);
    const again = toAnswer<RedriveAnswer>((await redrive({ all: true })).body.data);
    expect(again.items).toMatchObject([{ run, outcome: "settled" }]);
    expect(undertaker.given).toBe(3);
  });
});

describe("peek", () => {
  const peek = async (query: string, auth?: string): Promise<BusPeek> => {
    const { body } = await ask(house, "GET", `/v1/bus/peek?${query}`, auth === undefined ? {} : { auth });
    return toAnswer<BusPeek>(body.data);
  };

  test("shows tasks that workers hold, with their run, and leaves them there", async () => {
    const run = runId();
    await start(run, "held");
    await expect.poll(async () => (await peek(`kind=queue&run=${run}`)).items).toHaveLength(1);
    const { items, depths } = await peek(`kind=queue&run=${run}`);
    expect(items).toMatchObject([{ run, state: "leased", holder: `w-${defaultTenant}`, deliveries: 1 }]);
    expect(items[0]?.body).toMatchObject({ kind: "task", run, with: { inline: { x: "the-input" } } });
    expect(depths).toMatchObject([{ tenant: defaultTenant, pool: defaultPool, waiting: 0, leased: 1 }]);
    const top = await ask(house, "GET", "/v1/top");
    expect(top.body.data).toMatchObject({
      pools: expect.arrayContaining([expect.objectContaining({ busy: 1 })]),
    });
    expect((await peek("kind=queue", foreign)).items).toEqual([]);
    const { items: cut } = await peek(`kind=queue&run=${run}&characters=10`);
    expect(cut[0]?.cut).toHaveLength(10);
    expect(cut[0]).not.toHaveProperty("body");
  });

  test("shows a run's newest commits", async () => {
    const run = runId();
    await start(run);
    const { items, more } = await peek(`kind=log&run=${run}&limit=2`);
    expect(items).toHaveLength(2);
    expect(more).toBe(true);
    expect(JSON.stringify(items.at(-1)?.body)).toContain("run_completed");
    expect(items[0]).toMatchObject({ run, tenant: defaultTenant, body: { kind: "commit" } });
  });

  test("never shows rows that hold keys, and to a tenant none but its own", async () => {
    const { items } = await peek("kind=tables&limit=200");
    const keys = items.filter(({ subject }) => subject.startsWith("key.") || subject === "peers");
    expect(keys.length).toBeGreaterThan(0);
    for (const row of keys) expect(row).toMatchObject({ withheld: "secret" });
    for (const row of keys) expect(row).not.toHaveProperty("body");
    const own = await peek("kind=tables&limit=200", foreign);
    expect(own.items.length).toBeGreaterThan(0);
    for (const { subject } of own.items) expect(subject.split(".")[1]).toBe(otherTenant);
    expect((await peek("kind=tables&prefix=peers", foreign)).items).toEqual([]);
    expect((await peek(`kind=tables&prefix=worker.${defaultTenant}`, foreign)).items).toEqual([]);
  });

  test("shows streams with their sizes to who looks over all of it", async () => {
    const whole = await peek("kind=streams");
    expect(whole.streams?.map(({ stream }) => stream)).toContain("log");
    expect((await peek("kind=streams", foreign)).streams).toEqual([]);
  });

  test("shows an operator that others have records, and not what stands in them", async () => {
    const operator = await keyOf(defaultTenant, ["runs:read", "operator"]);
    const run = runId();
    await start(run, "held", foreign);
    await expect.poll(async () => (await peek(`kind=queue&run=${run}`)).items).toHaveLength(1);
    const { items } = await peek(`kind=queue&run=${run}`, operator);
    expect(items).toMatchObject([{ tenant: otherTenant, run, withheld: "other_tenant" }]);
    expect(JSON.stringify(items)).not.toContain("the-input");
  });
});

describe("tail", () => {
  test("tells what comes from now on, of the kinds that were asked for", async () => {
    const run = runId();
    const lines = await tailed("?kinds=inputs,tasks", () => start(run), `"id":"res-b-1"`);
    const items = lines.filter((line) => line.includes(run));
    expect(items.some((line) => line.includes('"kind":"tasks"') && line.includes('"step":"a"'))).toBe(true);
    expect(items.some((line) => line.includes('"kind":"commits"'))).toBe(false);
  });

  test("of another tenant tells nothing", async () => {
    const run = runId();
    const own = runId();
    const work = async () => {
      await start(run);
      await start(own, "echo", foreign);
    };
    const lines = await tailed("?kinds=commits,inputs,tasks,telemetry,dead,journals", work, own, foreign);
    expect(lines.join("")).not.toContain(run);
  });

  test("of a kind that is none is refused", async () => {
    const answer = await ask(house, "GET", "/v1/bus/tail?kinds=everything");
    expect(answer).toMatchObject({ status: 400, body: { error: { reason: "unknown_kind" } } });
  });
});

/** What comes over a tail until a line holds the text. */
async function tailed(
  query: string,
  work: () => Promise<unknown>,
  until: string,
  auth?: string,
): Promise<string[]> {
  const stop = new AbortController();
  const authorization = `Bearer ${auth ?? token}`;
  const response = await fetch(`${house.url}/v1/bus/tail${query}`, {
    headers: { authorization },
    signal: stop.signal,
  });
  const lines: string[] = [];
  await work();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString("utf8");
    lines.splice(0, lines.length, ...text.split("\n").filter((line) => line.startsWith("data:")));
    if (text.includes(until)) break;
  }
  stop.abort();
  return lines;
}
