import { type Client, createClient as createNodeClient } from "@agentflow/sdk/client";
import { createClient as createBrowserClient } from "@agentflow/sdk/client/browser";
import { type RunEventView, parseId, subjects } from "@agentflow/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type House, openHouse, token } from "./fixtures/house.ts";

describe.each([
  ["in Node", createNodeClient],
  ["in a browser", createBrowserClient],
])("the client %s", (_, createClient) => {
  let house: House;
  let client: Client;
  beforeEach(async () => {
    house = await openHouse();
    client = createClient({ url: house.url, token });
  });
  afterEach(async () => {
    client.close();
    await house.close();
  });

  test("starts a run, waits for its end, and finds the same run by the same key", async () => {
    const end = await client.runs.startAndWait("echo", { x: 5 }, { key: "order-1" });
    expect(end).toMatchObject({ status: "completed", output: 5 });
    const again = await client.runs.startAndWait("echo", { x: 5 }, { key: "order-1" });
    expect(again).toMatchObject({ run: end.run, output: 5, repeated: true });
    await expect(client.runs.start("echo", { x: 6 }, { key: "order-1" })).rejects.toMatchObject({
      code: "conflict",
    });
    expect(await client.runs.get(end.run)).toMatchObject({ status: "completed", output: 5 });
    expect(await client.runs.why(end.run)).toMatchObject({ status: "completed" });
  });

  test("lists page by page, and cancels once under one input id", async () => {
    const runs: string[] = [];
    let revision = 0;
    for (let x = 0; x < 5; x++) {
      const end = await client.runs.startAndWait("echo", { x });
      runs.push(end.run);
      revision = end.revision;
    }
    const found: string[] = [];
    for await (const { run } of client.runs.all({ limit: 2, minRevision: revision })) found.push(run);
    expect(found.toSorted()).toEqual(runs.toSorted());
    const { run } = await client.runs.start("held", { x: 1 });
    expect(await client.runs.cancel(run, { input: "c1" })).toMatchObject({ status: "cancelled" });
    expect(await client.runs.cancel(run, { input: "c1" })).toMatchObject({ status: "cancelled" });
    await expect(client.runs.resolve(run, { step: "a", as: "done" })).rejects.toMatchObject({
      code: expect.stringMatching(/refused|invalid_input/),
    });
  });

  test("says what the API said: code, reason and what to do", async () => {
    await expect(client.runs.start("nothing", {})).rejects.toMatchObject({ code: "not_found" });
    await expect(client.runs.get("no")).rejects.toMatchObject({
      code: "invalid_input",
      reason: "invalid_id",
    });
    const follow = client.runs.follow(client.newRunId());
    await expect(collect(follow)).rejects.toMatchObject({ code: "not_found", reason: "run_not_found" });
    const stranger = createClient({ url: house.url, token: "wrong" });
    await expect(stranger.status()).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(collect(stranger.runs.follow(client.newRunId()))).rejects.toMatchObject({
      code: "unauthenticated",
    });
    stranger.close();
  });

  test("follows several runs over one connection, through cuts, without a gap or a repeat", async () => {
    const runs = await Promise.all([1, 2, 3].map(async (x) => (await client.runs.start("held", { x })).run));
    const seen: RunEventView[] = [];
    const following = (async () => {
      for await (const event of client.followMany(runs)) {
        seen.push(event);
        if (seen.length === 4) house.wire.cut();
      }
    })();
    await expect.poll(() => seen.length).toBeGreaterThanOrEqual(6);
    const before = house.wire.made;
    house.wire.cut();
    house.release();
    await following;
    expect(house.wire.made).toBeGreaterThan(before);
    for (const run of runs) {
      const { events } = await client.runs.events(run, { limit: 500 });
      expect(events.length).toBeGreaterThan(4);
      expect(seen.filter((event) => event.run === run)).toEqual(events);
    }
  });

  test("follows from a cursor, and stops reading when its reader leaves", async () => {
    const { run } = await client.runs.startAndWait("echo", { x: 1 });
    const { events } = await client.runs.events(run);
    const { cursor } = await client.runs.events(run, { limit: 2 });
    expect(await collect(client.runs.follow(run, { after: cursor }))).toEqual(events.slice(2));
    const held = await client.runs.start("held", { x: 1 });
    for await (const event of client.runs.follow(held.run)) {
      expect(event.run).toBe(held.run);
      break;
    }
    await expect.poll(() => streams(house)).toBe(0);
    const stop = new AbortController();
    let count = 0;
    const left = (async () => {
      for await (const event of client.runs.follow(held.run, { signal: stop.signal }))
        count += event.run.length;
    })();
    await expect.poll(() => count).toBeGreaterThan(0);
    stop.abort();
    await left;
    await expect.poll(() => streams(house)).toBe(0);
  });

  test("reads and follows telemetry, through a cut, each record once", async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { value } of client.telemetry.follow({ source: "tool" }, { signal: stop.signal })) {
        if (value.kind === "log") seen.push(value.message);
      }
    })();
    await expect.poll(() => streams(house)).toBe(1);
    await say(house, "one", "two");
    await expect.poll(() => seen).toEqual(["one", "two"]);
    house.wire.cut();
    await say(house, "three");
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual(["one", "two", "three"]);
    stop.abort();
    await following;
    const { records } = await client.telemetry.query({ grep: "TWO", source: "tool" });
    expect(records).toMatchObject([{ message: "two" }]);
  });

  test("streams records and runs over one connection, through cuts, each once", async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const lost: unknown[] = [];
    const { revision } = await client.runs.list();
    const { cursor: after } = await client.telemetry.query({ newest: true, limit: 1 });
    const asked = { kind: "log", source: "tool", after, events: "runs", eventsBehind: revision } as const;
    const options = { signal: stop.signal, onLost: (error: unknown) => lost.push(error) };
    const following = (async () => {
      for await (const item of client.telemetry.stream(asked, options)) {
        if (item.kind === "record" && item.record.kind === "log") seen.push(item.record.message);
        if (item.kind === "event") seen.push(`${item.event.run} ${item.event.event.kind}`);
      }
    })();
    await expect.poll(() => streams(house)).toBe(1);
    await say(house, "one");
    const first = await client.runs.startAndWait("echo", { x: 1 });
    await expect.poll(() => seen).toHaveLength(3);
    house.wire.cut();
    await say(house, "two");
    const second = await client.runs.startAndWait("echo", { x: 2 });
    await expect.poll(() => seen, { timeout: 5_000 }).toHaveLength(6);
    stop.abort();
    await following;
    const wanted = [first, second].flatMap(({ run }) => [`${run} run_started`, `${run} run_completed`]);
    expect(seen.toSorted()).toEqual(["one", "two", ...wanted].toSorted());
    expect(lost).toHaveLength(1);
  });

  test("shows the installation, its workflows and workers, and makes and revokes keys", async () => {
    expect(await client.status()).toMatchObject({ version: "0.0.0", bus: { kind: "memory" } });
    const { items } = await client.workflows.list();
    expect(items.map(({ name }) => name).toSorted()).toEqual(["echo", "held"]);
    expect(await client.workflows.get("echo")).toMatchObject({ name: "echo" });
    await expect.poll(async () => (await client.workers.list()).items.length).toBe(1);
    const { key, view } = await client.keys.create({ name: "ci", scopes: ["runs:read"] });
    const reader = createClient({ url: house.url, token: key });
    expect(await reader.runs.list()).toMatchObject({ runs: [] });
    await expect(reader.runs.start("echo", { x: 1 })).rejects.toMatchObject({ code: "forbidden" });
    expect(await client.keys.revoke(view.id)).toEqual({ revoked: view.id });
    await expect(reader.runs.list()).rejects.toMatchObject({ code: "unauthenticated" });
    expect((await client.keys.list()).items).toEqual([]);
    reader.close();
  });

  test("a session starts hundreds of runs over one socket", async () => {
    const before = house.wire.made;
    const session = client.session();
    const ends = await Promise.all(Array.from({ length: 300 }, (__, x) => session.start("echo", { x })));
    expect(ends.map(({ output }) => output)).toEqual(ends.map((__, x) => x));
    expect(house.wire.made - before).toBe(1);
    await expect(session.start("nothing", {})).rejects.toMatchObject({ code: "not_found" });
    const tooDeep = { code: "invalid_input", reason: "input_too_deep" };
    for (const levels of [64, 4_000, 50_000]) {
      await expect(session.start("echo", nested(levels))).rejects.toMatchObject(tooDeep);
      await expect(client.runs.start("echo", nested(levels))).rejects.toMatchObject(tooDeep);
    }
    session.close();
    await expect(session.start("echo", {})).rejects.toMatchObject({ reason: "session_closed" });
  });

  test("a session that is cut in flight repeats its starts under their ids: each run once", async () => {
    const session = client.session();
    await session.start("echo", { x: 0 });
    // Whatever the server answers now is lost, and then the socket itself.
    house.wire.mute();
    const starts = Array.from({ length: 50 }, (__, x) => session.start("echo", { x }));
    const held = session.start("held", { x: "h" });
    await expect.poll(async () => (await house.controlPlane.engine.status()).runs["completed"]).toBe(51);
    house.wire.cut();
    const ends = await Promise.all(starts);
    expect(ends.map(({ output }) => output)).toEqual(ends.map((__, x) => x));
    expect(ends.every(({ repeated }) => repeated === true)).toBe(true);
    house.wire.cut();
    house.release();
    expect(await held).toMatchObject({ status: "completed", output: "h" });
    session.close();
    const { runs } = await client.runs.list({ limit: 500 });
    expect(runs.length).toBe(52);
  });

  test("an answer that is cut off is asked for again under the same run", async () => {
    house.wire.mute();
    const starting = client.runs.startAndWait("echo", { x: 3 });
    await expect.poll(async () => (await house.controlPlane.engine.status()).runs["completed"]).toBe(1);
    house.wire.cut();
    expect(await starting).toMatchObject({ status: "completed", output: 3, repeated: true });
    expect((await client.runs.list()).runs.length).toBe(1);
  });

  test("a control plane that stops hands waits and streams back before its patience ends", async () => {
    const { run } = await client.runs.start("held", { x: 1 });
    const impatient = createClient({ url: house.url, token, retryForMs: 0 });
    const waiting = impatient.runs.wait(run).catch((error: unknown) => error);
    const stop = new AbortController();
    const following = collect(client.runs.follow(run, { signal: stop.signal }));
    await expect.poll(() => streams(house)).toBe(1);
    const began = Date.now();
    await house.controlPlane.stop(10_000);
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(await waiting).toMatchObject({ code: "unavailable" });
    stop.abort();
    await following;
    impatient.close();
  });
});

test("a session that may not come in says so at once, and does not try for half a minute", async () => {
  const house = await openHouse();
  const stranger = createNodeClient({ url: house.url, token: "wrong" });
  const session = stranger.session();
  await expect(session.start("echo", { x: 1 })).rejects.toMatchObject({ code: "unauthenticated" });
  session.close();
  stranger.close();
  await house.close();
});

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

async function streams(house: House): Promise<number> {
  const response = await fetch(`${house.controlPlane.url}/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return Number(/^agentflow_api_streams ([0-9]+)$/m.exec(await response.text())?.[1]);
}

async function say(house: House, ...messages: string[]): Promise<void> {
  const subject = subjects.tele({ tenant: parseId("tenant", "default"), source: parseId("source", "test") });
  const at = new Date().toISOString();
  const records = messages.map((message) => ({ kind: "log", at, level: "info", source: "tool", message }));
  await house.bus.log.append(subject, JSON.stringify({ v: 1, kind: "tele", source: "test", records }), {
    expect: "any",
  });
}

function nested(levels: number): unknown {
  let value: unknown[] = [];
  for (let i = 1; i < levels; i++) value = [value];
  return value;
}
