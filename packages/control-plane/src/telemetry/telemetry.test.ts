import type { LogEntry, TailOptions } from "@agentflow/bus";
import { createLog } from "@agentflow/host/log";
import {
  AgentFlowError,
  defaultTenant,
  instant,
  type LogRecord,
  parseId,
  subjects,
} from "@agentflow/protocol";
import { afterEach, describe, expect, test } from "vitest";
import type { Engine, TelemetryFilter, TelemetryRecord } from "../engine.ts";
import { engineDefaults } from "../engine-config.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { openReadStore, type ReadStore } from "../projector/read-store.ts";
import { showSeq, toQuery } from "./filter.ts";
import { Follower } from "./follower.ts";
import { Intake } from "./intake.ts";
import { Telemetry } from "./telemetry.ts";

const tenant = defaultTenant;
let kit: Kit;
afterEach(() => kit.close());

type Said = Partial<LogRecord> & { readonly message: string };

/** A batch as a worker sends it: its records are numbered from `first` on. */
async function send(
  records: readonly Said[],
  of: { writer?: string; first?: number; dropped?: number } = {},
) {
  const { writer, first = 1, dropped } = of;
  const at = new Date(kit.world.clock.now()).toISOString();
  const numbered = records.map((record, n) => ({
    ...(writer === undefined ? {} : { writer, seq: first + n }),
    kind: "log",
    at,
    level: "info",
    source: "tool",
    ...record,
  }));
  const body = {
    v: 1,
    kind: "tele",
    source: "worker-1",
    records: numbered,
    ...(dropped === undefined ? {} : { dropped }),
  };
  const subject = subjects.tele({ tenant, source: parseId("source", "worker-1") });
  await kit.drive(kit.bus.log.append(subject, JSON.stringify(body), { expect: "any" }));
  await kit.pass(100);
}

async function messages(engine: Engine, filter: TelemetryFilter = {}): Promise<string[]> {
  const { records } = await kit.drive(engine.telemetry.query(tenant, filter));
  return records.map(textOf);
}

function textOf(record: TelemetryRecord): string {
  return record.kind === "log" ? record.message : record.name;
}

const writer = "worker-1/runs.abc";
const says = (...texts: string[]): Said[] => texts.map((message) => ({ message }));

test("a batch that was sent twice is kept once", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await send(says("one", "two"), { writer });
  await send(says("one", "two"), { writer });
  await send(says("two", "three"), { writer, first: 2 });
  expect(await messages(engine)).toEqual(["one", "two", "three"]);
});

test("what is missing is told where it is missing, whatever is asked for", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await send([{ message: "one", run: "r1" }], { writer });
  await send([{ message: "five", run: "r1" }], { writer, first: 5, dropped: 3 });
  // The sender knows of none: the bus lost them.
  await send([{ message: "eight", run: "r1" }], { writer, first: 8 });
  const wanted = [
    "one",
    "3 records of worker-1 lost here: it could not send them in time",
    "five",
    "2 records of worker-1 lost here: the bus has them no more",
    "eight",
  ];
  expect(await messages(engine)).toEqual(wanted);
  expect(await messages(engine, { run: "r1" })).toEqual(wanted);
  expect(await messages(engine, { run: "r1", match: "one|five|eight" })).toEqual(wanted);
  expect(await messages(engine, { level: "error" })).toEqual([wanted[1], wanted[3]]);
});

describe("a record is found", () => {
  test.each<[string, TelemetryFilter, string[]]>([
    ["by tool", { tool: "fetch" }, ["fetched a", "timeout after 30 s"]],
    ["by agent", { agent: "writer" }, ["wrote"]],
    ["by tool or agent", { tool: "fetch", agent: "writer" }, ["fetched a", "wrote", "timeout after 30 s"]],
    ["by an expression", { match: "timeout after \\d+" }, ["timeout after 30 s"]],
    ["but not by one to be left out", { exclude: "fetched|wrote" }, ["timeout after 30 s"]],
    ["by both", { match: "e", exclude: "time" }, ["fetched a", "wrote"]],
  ])("%s", async (_name, filter, wanted) => {
    kit = new Kit(1, { polite: true });
    const engine = await kit.engine();
    const live: string[] = [];
    const stop = new AbortController();
    const onRecord = (record: TelemetryRecord): void => void live.push(textOf(record));
    const following = engine.telemetry.follow(tenant, filter, { onRecord, signal: stop.signal });
    await kit.pass(50);
    await send([
      { message: "fetched a", name: "fetch" },
      { message: "wrote", name: "writer", source: "agent" },
      { message: "timeout after 30 s", name: "fetch", level: "warn" },
    ]);
    expect(await messages(engine, filter)).toEqual(wanted);
    stop.abort();
    await kit.drive(following);
    expect(live).toEqual(wanted);
  });
});

test("an expression that is none is refused before anything is read", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  const failed = await kit.drive(
    engine.telemetry.query(tenant, { match: "(a)\\1" }).catch((error: unknown) => error),
  );
  expect(failed).toBeInstanceOf(AgentFlowError);
  expect(failed).toMatchObject({ code: "invalid_input", reason: "invalid_pattern" });
});

test("processes before those of now: the newest but one of each name, with their runs", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  for (const [from, message] of [
    ["w.10", "first"],
    ["w/runs.11", "first run"],
    ["w.20", "second"],
    ["w/runs.21", "second run"],
    ["w.30", "third"],
    ["w/runs.31", "third run"],
    ["once.15", "never came back"],
  ] as const)
    await send(says(message), { writer: from });
  expect(await messages(engine, { previous: true })).toEqual(["second", "second run"]);
});

test("a follower that takes less than comes misses nothing and gets nothing twice", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  const seen: string[] = [];
  const stop = new AbortController();
  let behind = false;
  let free: () => void = () => undefined;
  const following = engine.telemetry.follow(
    tenant,
    {},
    {
      onRecord: (record) => void (record.kind === "log" && seen.push(record.message)),
      isBehind: () => behind,
      ready: () => (behind ? new Promise<void>((resolve) => (free = resolve)) : Promise.resolve()),
      signal: stop.signal,
    },
  );
  await kit.pass(50);
  await send(says("1", "2"), { writer });
  behind = true;
  for (let n = 3; n < 20; n += 2) await send(says(String(n), String(n + 1)), { writer, first: n });
  expect(seen).toEqual(["1", "2"]);
  behind = false;
  free();
  await kit.pass(100);
  await send(says("21"), { writer, first: 21 });
  stop.abort();
  await kit.drive(following);
  expect(seen).toEqual(Array.from({ length: 21 }, (_, n) => String(n + 1)));
});

/** Records of one tool, each in a batch of its own, at the revisions 1, 2, … */
function entry(revision: number): LogEntry {
  const record = { kind: "log", at: instant(0), level: "info", source: "tool", message: String(revision) };
  const batch = { v: 1, kind: "tele", source: "w", records: [{ writer: "w.1", seq: revision, ...record }] };
  const subject = subjects.tele({ tenant, source: parseId("source", "w") });
  return { subject, revision, body: JSON.stringify(batch), atMs: 0 };
}

test("a cursor holds at a control plane that has read less of the stream", async () => {
  kit = new Kit(1, { polite: true });
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const log = {
    ...kit.bus.log,
    head: async () => 2,
    async *tail({ signal }: TailOptions) {
      await opened;
      yield [entry(1), entry(2)];
      yield [entry(3)];
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
  const store = openReadStore(":memory:");
  const say = createLog({ source: "control-plane", clock: kit.world.clock, outputs: [] });
  const { world } = kit;
  const telemetry = new Telemetry({
    log,
    store,
    world,
    say,
    config: engineDefaults,
    skipped: { add: () => undefined },
  });
  await telemetry.start();
  const seen: string[] = [];
  const stop = new AbortController();
  const onRecord = (record: TelemetryRecord): void => {
    seen.push(textOf(record));
    stop.abort();
  };
  const following = telemetry.follow(
    tenant,
    { after: showSeq(2 * 4_096) },
    { onRecord, signal: stop.signal },
  );
  open();
  await following;
  await telemetry.stop();
  expect(seen).toEqual(["3"]);
});

test("what comes while the stored part is read comes after it", async () => {
  kit = new Kit(1, { polite: true });
  const [first, second] = new Intake({ skipped: { add: () => undefined } }).take([entry(1), entry(2)]).fresh;
  if (first === undefined || second === undefined) throw new Error("no records");
  const real = openReadStore(":memory:");
  const bounds = { dropped: 0, revision: 1, rowsMax: 10, olderThanMs: -1 };
  await real.call("applyTelemetry", { rows: [first.row], ...bounds });
  let asked = 0;
  const store: ReadStore = {
    ...real,
    async call(name, ask) {
      const answer = await real.call(name, ask);
      // The last answer, and what it does not have yet comes before it does.
      if (++asked === 2) follower.listen([second]);
      return answer;
    },
  };
  const seen: string[] = [];
  const stop = new AbortController();
  const onRecord = (record: TelemetryRecord): void => {
    seen.push(textOf(record));
    if (seen.length === 2) stop.abort();
  };
  const to = { onRecord, signal: stop.signal };
  const follower = new Follower({ query: toQuery(tenant, {}), store, clock: kit.world.clock, to, place: 0 });
  const ended = follower.follow({ live: false });
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await ended;
  expect(seen).toEqual(["1", "2"]);
});

test("what comes while a reader stands still waits in the store alone, and is not missed", async () => {
  kit = new Kit(1, { polite: true });
  const count = 12_010;
  const intake = new Intake({ skipped: { add: () => undefined } });
  const total = count + 6_000;
  const entries = Array.from({ length: total }, (_, n) => entry(n + 1));
  const real = openReadStore(":memory:");
  const stored = async (from: number, to: number) => {
    const { fresh } = intake.take(entries.slice(from, to));
    const bounds = { dropped: 0, revision: to, rowsMax: total, olderThanMs: -1 };
    await real.call("applyTelemetry", { rows: fresh.map(({ row }) => row), ...bounds });
    return fresh;
  };
  await stored(0, 10);
  const seen: string[] = [];
  let isFlooded = false;
  const store: ReadStore = {
    ...real,
    async call(name, ask) {
      const answer = await real.call(name, ask);
      // The last answer, and very much that it does not have comes before it does.
      if (seen.length === count && !isFlooded) {
        isFlooded = true;
        follower.listen(await stored(count, total));
      }
      return answer;
    },
  };
  const stop = new AbortController();
  const all = Promise.withResolvers<void>();
  const still = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  let asked = 0;
  const to = {
    onRecord(record: TelemetryRecord): void {
      seen.push(textOf(record));
      if (seen.length === total) all.resolve();
    },
    // Before the first page it is quick, before what stands on it it stands still.
    ready: () => {
      if (++asked !== 2) return Promise.resolve();
      still.resolve();
      return free.promise;
    },
    signal: stop.signal,
  };
  const follower = new Follower({ query: toQuery(tenant, {}), store, clock: kit.world.clock, to, place: 0 });
  const ended = follower.follow({ live: false });
  await still.promise;
  for (let from = 10; from < count; from += 1_000) {
    follower.listen(await stored(from, from + 1_000));
    expect(follower.kept).toBeLessThanOrEqual(5_000);
  }
  free.resolve();
  await all.promise;
  stop.abort();
  await ended;
  expect(seen).toEqual(entries.map((_, n) => String(n + 1)));
});

test("who comes too late for what was kept is told", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine("engine-1", { telemetryRowsMax: 3 });
  await send(says("1", "2"), { writer });
  const { cursor } = await kit.drive(engine.telemetry.query(tenant, { limit: 1 }));
  for (let n = 3; n < 9; n++) await send(says(String(n)), { writer, first: n });
  const seen: string[] = [];
  const stop = new AbortController();
  const onRecord = (record: TelemetryRecord): void => void seen.push(textOf(record));
  const following = engine.telemetry.follow(tenant, { after: cursor }, { onRecord, signal: stop.signal });
  await kit.pass(100);
  stop.abort();
  await kit.drive(following);
  expect(seen).toEqual(["records lost here: they were kept no longer when it was their turn", "6", "7", "8"]);
});
