/** Several control planes on one bus in memory: who holds what, and that runs do not notice. */
import {
  AgentFlowError,
  type Commit,
  defaultTenant,
  makeRunId,
  parseId,
  prefixes,
  type RunId,
  type StepDefinition,
} from "@agentflow/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Engine } from "../../engine.ts";
import { watchReadiness } from "../../readiness.ts";
import { Kit } from "../fixtures/engine-kit.ts";
import { choresShard, runSubject } from "../shard.ts";
import { Leases } from "./leases.ts";

const tenant = defaultTenant;
const leaseMs = 5_000;
const chain: Record<string, StepDefinition> = {
  a: { uses: "tool:t.echo", with: { x: "${input.x}" } },
  rest: { uses: "wait", with: { for: "3s" }, needs: ["a"] },
  b: { uses: "tool:t.echo", with: { x: "${steps.a.output.x}" }, needs: ["rest"] },
};

let kit: Kit;
afterEach(() => kit.close());

/** Virtual milliseconds until it holds; fails after `maxMs`. */
async function until(holds: () => boolean, maxMs: number): Promise<number> {
  const from = kit.world.clock.now();
  while (!holds()) {
    if (kit.world.clock.now() - from > maxMs)
      throw new Error(`not within ${maxMs} ms\n${kit.lines.slice(-20).join("")}`);
    await kit.world.time.advance(5);
  }
  return kit.world.clock.now() - from;
}

function isShared(...engines: readonly Engine[]): boolean {
  const all = engines.flatMap(({ shards }) => shards);
  return all.length === 64 && new Set(all).size === 64;
}

async function two(seed: number, polite = false): Promise<[Engine, Engine]> {
  kit = new Kit(seed, { polite });
  const one = await kit.sharing("cp-1");
  const other = await kit.sharing("cp-2");
  await until(() => isShared(one, other) && one.shards.length === 32, 1_000);
  await kit.register(one, "chain", chain, { output: "${steps.b.output.x}" });
  await kit.pass(200);
  return [one, other];
}

async function startSome(engines: readonly Engine[], count: number): Promise<RunId[]> {
  const runs: RunId[] = [];
  for (let x = 0; x < count; x++) {
    const body = kit.body("chain", { x });
    const engine = engines[x % engines.length];
    await kit.drive(
      engine?.runs.start(tenant, body, { waitMs: 0 }) ?? Promise.reject(new Error("no engine")),
    );
    runs.push(parseId("run", body.run));
  }
  return runs;
}

async function endOf(engine: Engine, runs: readonly RunId[]): Promise<unknown[]> {
  const ends = runs.map((run) => engine.runs.wait(tenant, run, { waitMs: 60_000 }));
  return (await kit.drive(Promise.all(ends))).map(({ status, output }) =>
    status === "completed" ? output : status,
  );
}

/** Each step succeeded once, and each timer was taken once. */
async function checkOnce(runs: readonly RunId[]): Promise<void> {
  for (const run of runs) {
    const entries = await kit.drive(kit.bus.log.read(runSubject(tenant, run)));
    const commits = entries.map(({ body }): Commit => JSON.parse(body));
    const done = commits.flatMap(({ events }) =>
      events.flatMap((e) => (e.kind === "step_succeeded" ? [e.step] : [])),
    );
    expect(done).toEqual(["a", "rest", "b"]);
    const timers = commits.flatMap(({ inputs }) =>
      inputs.filter(({ id, refused }) => id.startsWith("timer-") && refused === undefined),
    );
    expect(timers.length).toBe(1);
  }
}

describe.each([1, 2, 3])("on the nasty twin, seed %i", (seed) => {
  test("who joins gets a fair share at once, and a third one too", async () => {
    const [one, other] = await two(seed);
    const third = await kit.sharing("cp-3");
    await until(() => isShared(one, other, third) && third.shards.length >= 21, 1_000);
    expect([one, other, third].map(({ shards }) => shards.length).toSorted((a, b) => a - b)).toEqual([
      21, 21, 22,
    ]);
    const { shards, nodes } = await kit.drive(third.status());
    expect(nodes).toMatchObject([{ node: "cp-1" }, { node: "cp-2" }, { node: "cp-3", state: "live" }]);
    for (const engine of [one, other, third]) {
      const seen = (await kit.drive(engine.status())).shards;
      expect(seen).toEqual(shards);
    }
  });

  test("any of them answers for any run: starts, waits, follows, shows and lists it", async () => {
    const [one, other] = await two(seed);
    kit.worker();
    const runs = await startSome([one, other], 12);
    const followed = new Set<string>();
    const follow = one.runs.follow(tenant, {
      runs,
      onEvent: ({ run, event }) => event.kind === "run_completed" && followed.add(run),
      signal: new AbortController().signal,
    });
    expect(await endOf(other, runs)).toEqual(runs.map((_, x) => x));
    expect(await endOf(one, runs)).toEqual(runs.map((_, x) => x));
    await kit.drive(follow);
    expect(followed.size).toBe(12);
    for (const engine of [one, other]) {
      await kit.drive(engine.caughtUp());
      expect((await kit.drive(engine.runs.list(tenant, { status: ["completed"] }))).runs.length).toBe(12);
      for (const run of runs)
        expect((await kit.drive(engine.runs.get(tenant, run))).status).toBe("completed");
    }
    await checkOnce(runs);
  });

  test("what a dead one held is taken over within lease and two seconds; its runs go on", async () => {
    const [one, other] = await two(seed);
    kit.worker({ takesMs: 50 });
    const runs = await startSome([one, other], 16);
    kit.bus.faults.crash("cp-1");
    const tookMs = await until(() => other.shards.length === 64, leaseMs + 2_000);
    expect(tookMs).toBeGreaterThan(leaseMs - 2_000);
    expect(await endOf(other, runs)).toEqual(runs.map((_, x) => x));
    await checkOnce(runs);
  });

  test("one that stops hands over within a second, and nobody is refused", async () => {
    const [one, other] = await two(seed);
    kit.worker({ takesMs: 50 });
    const runs = await startSome([one, other], 8);
    const stopping = one.stop();
    const more = startSome([other], 8);
    const tookMs = await until(() => other.shards.length === 64, 1_000);
    expect(tookMs).toBeLessThan(1_000);
    await kit.drive(stopping);
    runs.push(...(await more));
    expect(await endOf(other, runs)).toEqual([...Array(8).keys(), ...Array(8).keys()]);
    await checkOnce(runs);
  });

  test("one that is cut off lets go before another takes over, and gets its share back", async () => {
    const [one, other] = await two(seed);
    kit.worker({ takesMs: 50 });
    const runs = await startSome([one, other], 12);
    kit.bus.faults.partition("cp-1");
    let both = 0;
    await until(() => {
      both = Math.max(both, one.shards.length + other.shards.length);
      return other.shards.length === 64;
    }, leaseMs + 2_000);
    expect(both).toBe(64);
    expect(one.lease).toBe("lost");
    kit.bus.faults.heal("cp-1");
    await until(() => isShared(one, other) && one.shards.length === 32, leaseMs);
    expect(await endOf(one, runs)).toEqual(runs.map((_, x) => x));
    await checkOnce(runs);
  });
});

test("while nobody holds a shard, an input for it waits, and is then refused as unavailable", async () => {
  const [one, other] = await two(1, true);
  kit.bus.faults.crash("cp-1");
  const starts = await kit.drive(
    Promise.allSettled(
      Array.from({ length: 8 }, () => other.runs.start(tenant, kit.body("chain", { x: 1 }), { waitMs: 0 })),
    ),
  );
  expect(starts.every(({ status }) => status === "fulfilled")).toBe(true);
  expect(one.shards.length).toBe(0);
  const third = await kit.sharing("cp-3", { config: { forwardTimeoutMs: 1_000 } });
  kit.bus.faults.crash("cp-2");
  const refused = await kit.drive(
    Promise.allSettled(
      Array.from({ length: 8 }, () => third.runs.start(tenant, kit.body("chain", { x: 1 }), { waitMs: 0 })),
    ),
  );
  const reasons = refused.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
  expect(new Set(reasons)).toEqual(new Set(["unavailable"]));
});

test("one that comes again under its name takes up at once what it held in its life before", async () => {
  const [, other] = await two(1, true);
  kit.bus.faults.crash("cp-1");
  const again = await kit.sharing("cp-1");
  await until(() => isShared(again, other), 500);
  expect(again.shards.length).toBe(32);
});

test("one whose lease is lost is not ready until it is held again", async () => {
  const [one] = await two(1, true);
  const { health, stop } = watchReadiness({ bus: kit.bus, engine: one, world: kit.world });
  const lease = () => health.report("readiness").checks.find(({ name }) => name === "shards");
  await kit.pass(10);
  expect(lease()?.ok).toBe(true);
  kit.bus.faults.partition("cp-1");
  await kit.pass(leaseMs + 1_000);
  expect(lease()).toMatchObject({ ok: false, reason: "lease_lost" });
  kit.bus.faults.heal("cp-1");
  await kit.pass(leaseMs);
  expect(lease()?.ok).toBe(true);
  stop();
});

test.each(["look", "start"] as const)(
  "a start that fails at its %s ends whole; the next has its half",
  async (at) => {
    kit = new Kit(1, { polite: true });
    const one = await kit.sharing("cp-1");
    const cause = new AgentFlowError("unavailable", "for a test");
    const fails = at === "look" ? vi.spyOn(Leases.prototype, "look") : vi.spyOn(Leases.prototype, "start");
    fails.mockRejectedValueOnce(cause);
    await expect(kit.sharing("cp-2")).rejects.toBe(cause);
    await kit.pass(2 * leaseMs);
    expect(one.shards.length).toBe(64);
    const other = await kit.sharing("cp-2");
    await until(() => isShared(one, other) && other.shards.length === 32, 1_000);
  },
);

test("a sign of life that fails is given again at once: a bad moment each time costs no lease", async () => {
  kit = new Kit(1, { polite: true });
  const one = await kit.sharing("cp-1");
  await until(() => one.shards.length === 64, 1_000);
  // Nothing else is written while nothing happens.
  await kit.pass(leaseMs);
  for (let beat = 0; beat < 8; beat++) {
    kit.bus.faults.failNext("table_put", "before", { client: "cp-1" });
    await kit.pass(leaseMs / 3);
    expect([beat, one.lease]).toEqual([beat, "held"]);
  }
});

test("of two that go by one name the later one stays", async () => {
  kit = new Kit(1, { polite: true });
  const first = await kit.sharing("cp-1", { bus: kit.bus.client("a") });
  const second = await kit.sharing("cp-1", { bus: kit.bus.client("b") });
  await until(() => first.lease === "displaced", leaseMs);
  await until(() => second.shards.length === 64, 1_000);
  expect(first.shards.length).toBe(0);
});

test("alone it writes a row each third of a lease, and each second at most its watermark", async () => {
  kit = new Kit(1, { polite: true });
  await kit.sharing("cp-1");
  await kit.pass(1_000);
  const stop = new AbortController();
  let writes = 0;
  const watch = async (): Promise<void> => {
    for await (const rows of kit.bus.table.watch("", stop.signal)) writes += rows.length;
  };
  const watching = watch();
  await kit.pass(100);
  writes = 0;
  await kit.pass(10_000);
  stop.abort();
  await watching;
  expect(writes).toBeLessThanOrEqual(7);
});

test("together they release no more than twice the slots, and none of them starves", async () => {
  const [one, other] = await two(1, true);
  await kit.register(one, "one", { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } });
  kit.worker({ slots: 4, takesMs: 300 });
  await kit.pass(200);
  const start = async (count: number): Promise<void> => {
    for (let x = 0; x < count; x++) {
      await kit.drive((x % 2 === 0 ? one : other).runs.start(tenant, kit.body("one", { x }), { waitMs: 0 }));
    }
  };
  const look = async (): Promise<readonly number[]> => {
    const all = [await kit.drive(one.status()), await kit.drive(other.status())];
    return all.map(({ backlog }) => backlog[0]?.outstanding ?? 0);
  };
  await start(60);
  // Until then each believes that it is alone with a backlog.
  await kit.pass(1_000);
  for (let n = 0; n < 8; n++) {
    const [mine = 0, others = 0] = await look();
    expect(mine + others).toBeLessThanOrEqual(8);
    expect(Math.min(mine, others)).toBeGreaterThan(0);
    await kit.pass(200);
  }
  await kit.pass(10_000);
  expect(await look()).toEqual([0, 0]);
});

test("one place archives, and the read models of the others learn what it did", async () => {
  const [one, other] = await two(1, true);
  kit.worker();
  const runs: RunId[] = [];
  for (let x = 0; x < 3; x++) {
    // An id of two hours ago: younger ones stay in the log.
    const run = makeRunId(kit.world.clock.now() - 7_200_000, kit.world.random.bytes(10));
    runs.push(run);
    await kit.drive(one.runs.start(tenant, kit.body("chain", { x }, { run }), { waitMs: 60_000 }));
  }
  await kit.drive(Promise.all([one.caughtUp(), other.caughtUp()]));
  const [first, second] = one.shards.includes(choresShard) ? [one, other] : [other, one];
  const retention = { days: 0, runs: 0 };
  expect(await kit.drive(second.retain(retention))).toBe(0);
  const node = first === one ? "cp-1" : "cp-2";
  const elsewhere = { code: "refused", reason: "archives_elsewhere", details: { node } };
  await expect(kit.drive(second.archive({ keepRuns: 0 }))).rejects.toMatchObject(elsewhere);
  expect(await kit.drive(first.retain(retention))).toBe(3);
  expect(await kit.drive(second.retain(retention))).toBe(0);
  const listed = async (engine: Engine): Promise<number> =>
    (await kit.drive(engine.runs.list(tenant, {}))).runs.length;
  for (const engine of [first, second]) {
    expect(await listed(engine)).toBe(3);
    for (const run of runs) expect((await kit.drive(engine.runs.get(tenant, run))).status).toBe("completed");
  }
  await kit.pass(1_000);
  await kit.drive(first.retain({ ...retention, archiveDays: 0 }));
  await kit.drive(second.retain({ ...retention, archiveDays: 0 }));
  for (const engine of [first, second]) expect(await listed(engine)).toBe(0);
});

test("a commit of a rival that died before it acted on it is acted on by the owner", async () => {
  const [one, other] = await two(1, true);
  const worker = kit.worker();
  const [run] = await startSome([one], 1);
  if (run === undefined) throw new Error("no run");
  await kit.pass(100);
  // What a paused owner would write: the next attempt of a step, told to nobody.
  const before = await kit.drive(kit.bus.log.read(runSubject(tenant, run)));
  expect(worker.seen.length).toBe(1);
  const cancel: Commit = JSON.parse(before.at(-1)?.body ?? "{}");
  const at = new Date(kit.world.clock.now()).toISOString();
  const body = {
    ...cancel,
    inputs: [{ id: "zombie" }],
    events: [{ kind: "run_cancelled", at, reason: "zombie" }],
    commands: [],
  };
  const put = kit.bus.log.append(runSubject(tenant, run), JSON.stringify(body), {
    expect: before.at(-1)?.revision ?? 0,
  });
  expect((await kit.drive(put)).ok).toBe(true);
  for (const engine of [one, other]) {
    const { status } = await kit.drive(engine.runs.wait(tenant, run, { waitMs: 5_000 }));
    expect(status).toBe("cancelled");
    await kit.pass(100);
    expect((await kit.drive(engine.status())).timers).toBe(0);
  }
  expect(await kit.drive(kit.bus.log.head(prefixes.log))).toBeGreaterThan(0);
});
