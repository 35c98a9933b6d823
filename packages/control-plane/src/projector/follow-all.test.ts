import { laneOf, laneOfShard, startOf } from "@agentflow/bus";
import { defaultTenant, parseId, type RunEventView, type RunId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { shardOf } from "../orchestrator/shard.ts";
import { behind, firstBehind, readPlace, showEvent, showPlace, wholeCommit } from "./cursor.ts";

const tenant = defaultTenant;

let kit: Kit;
afterEach(() => kit.close());

async function started(seed: number): Promise<Engine> {
  kit = new Kit(seed);
  const engine = await kit.engine();
  await kit.register(engine, "one", { a: { uses: "tool:t.echo" } });
  kit.worker({ takesMs: 20 });
  return engine;
}

async function start(engine: Engine, count: number): Promise<RunId[]> {
  const bodies = Array.from({ length: count }, (_, x) => kit.body("one", { x }));
  for (const body of bodies) {
    await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
    await kit.pass(kit.world.random.int(20));
  }
  return bodies.map(({ run }) => parseId("run", run));
}

async function eventsOf(engine: Engine, runs: readonly RunId[]): Promise<RunEventView[]> {
  const found: RunEventView[] = [];
  for (const run of runs) found.push(...(await kit.drive(engine.runs.events(tenant, run, {}))).events);
  return found;
}

const nameOf = ({ run, revision, n }: RunEventView): string => `${run} ${revision}.${n}`;

/** Follows everything behind the cursor, comes back after every few events, until there are so many. */
async function inPieces(engine: Engine, from: string, count: number): Promise<RunEventView[]> {
  const seen: RunEventView[] = [];
  let after = from;
  while (seen.length < count) {
    const stop = new AbortController();
    let left = Math.min(1 + kit.world.random.int(5), count - seen.length);
    const onEvent = (event: RunEventView, cursor: () => string): void => {
      seen.push(event);
      after = cursor();
      if (--left === 0) stop.abort();
    };
    await kit.drive(engine.runs.follow(tenant, { runs: "all", after, onEvent, signal: stop.signal }));
  }
  return seen;
}

test.each([1, 2, 3])(
  "who follows all runs and comes back by cursors gets each event once, in order within a run (seed %i)",
  async (seed) => {
    const engine = await started(seed);
    const runs = await start(engine, 8);
    // Four events a run: some are stored by now, some are not.
    const seen = await inPieces(engine, "", 32);
    const stored = await eventsOf(engine, runs);
    expect(seen.map(nameOf).toSorted()).toEqual(stored.map(nameOf).toSorted());
    for (const run of runs) {
      const of = (all: readonly RunEventView[]) => all.filter((one) => one.run === run).map(nameOf);
      expect(of(seen)).toEqual(of(stored));
    }
  },
);

test("the place that a list names is where what is not in it begins", async () => {
  const engine = await started(4);
  const before = await start(engine, 5);
  for (const run of before) await kit.drive(engine.runs.wait(tenant, run, { waitMs: 60_000 }));
  await kit.drive(engine.caughtUp());
  const { place = "", runs } = await kit.drive(engine.runs.list(tenant, {}));
  expect(runs.length).toBe(5);
  const after = await start(engine, 3);
  const seen = await inPieces(engine, place, 12);
  const stored = await eventsOf(engine, after);
  expect(seen.map(nameOf).toSorted()).toEqual(stored.map(nameOf).toSorted());
});

test("the cursor of one run follows that run, and all runs only where the log has one lane", async () => {
  const engine = await started(5);
  const [run = parseId("run", "")] = await start(engine, 1);
  await kit.drive(engine.runs.wait(tenant, run, { waitMs: 60_000 }));
  const { cursor, events } = await kit.drive(engine.runs.events(tenant, run, { limit: 3 }));
  expect(cursor).toBe(`e${events[2]?.revision.toString(36)}-${((events[2]?.n ?? 0) + 1).toString(36)}`);
  const seen: string[] = [];
  const stop = new AbortController();
  const follow = { after: cursor, onEvent: (one: RunEventView) => void seen.push(one.event.kind) };
  await kit.drive(engine.runs.follow(tenant, { runs: [run], ...follow, signal: stop.signal }));
  expect(seen).toEqual(["run_completed"]);
  const all = engine.runs.follow(tenant, { runs: "all", ...follow, signal: stop.signal });
  if (engine.lanes === 1) {
    await kit.pass(100);
    stop.abort();
    await kit.drive(all);
    expect(seen).toEqual(["run_completed", "run_completed"]);
  } else await expect(kit.drive(all)).rejects.toMatchObject({ reason: "position_needed" });
});

test("with one lane cursors are what they always were; with several they name a place in each", () => {
  kit = new Kit(6);
  expect(showPlace(behind([44]))).toBe("e19-0");
  expect(showEvent({ revision: 44, n: 2 }, 1)).toBe("e18-3");
  expect(readPlace("e18-3", 1)).toEqual([{ revision: 44, n: 2 }]);
  const place = [
    { revision: 45, n: wholeCommit },
    { revision: 46, n: 1 },
    { revision: 0, n: wholeCommit },
  ];
  expect(showPlace(place)).toBe("v19.1a-2.0");
  expect(readPlace("v19.1a-2.0", 3)).toEqual(place);
  expect([42, 45, 48, 46, 49, 2, 5].map((revision) => firstBehind(place, revision))).toEqual([
    wholeCommit,
    wholeCommit,
    0,
    2,
    0,
    0,
    0,
  ]);
  const next = readPlace(showEvent({ revision: 46, n: wholeCommit }, 3), 3);
  expect([firstBehind(next, 46), firstBehind(next, 49)]).toEqual([wholeCommit, 0]);
  expect(next.map(({ revision }) => laneOf(revision, 3))).toEqual([0, 1, 0]);
  expect(startOf(2)).toEqual([0, 0]);
  for (const wrong of [
    "v19.1a-2",
    `v${"z".repeat(11)}.0.0`,
    "v19.1a-2.0.0",
    "v..",
    "v19.1a-.0",
    `v${"z".repeat(12)}.0.0`,
    "w1.2.3",
  ]) {
    expect(() => readPlace(wrong, 3)).toThrow(/not a cursor/);
  }
  expect(() => readPlace("v19", 3)).toThrow(/not a cursor/);
});

test("a lane that lost its end is noticed though the others are further than it ever was", async () => {
  kit = new Kit(7, { polite: true, logs: 2 });
  const engine = await kit.engine();
  await kit.register(engine, "one", { a: { uses: "tool:t.echo" } });
  const laneOfRun = (run: RunId): number => laneOfShard(shardOf(run), 2);
  const idOf = (lane: number): RunId => {
    for (;;) {
      const run = kit.runId();
      if (laneOfRun(run) === lane) return run;
    }
  };
  const begin = async (run: RunId): Promise<void> => {
    await kit.drive(engine.runs.start(tenant, { run, workflow: "one", input: {} }, { waitMs: 0 }));
  };
  for (let n = 0; n < 5; n++) await begin(idOf(1));
  const lost = idOf(0);
  await begin(lost);
  await kit.drive(engine.caughtUp());
  const listed = async (): Promise<readonly string[]> =>
    (await kit.drive(engine.runs.list(tenant, {}))).runs.map(({ run }) => run);
  expect(await listed()).toContain(lost);
  // It takes the end of any lane, now and then this one's.
  while (!kit.bus.faults.dropLogTail(1).some((subject) => subject.endsWith(lost))) await kit.pass(1_000);
  await kit.pass(5_000);
  await kit.drive(engine.caughtUp());
  expect(await listed()).not.toContain(lost);
});
