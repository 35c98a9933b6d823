/** Owners that do not know yet that they are not: leases spare work, the fence of the log guards truth. */
import type { Appended, Bus } from "@agentflow/bus";
import type { Stop, TimerOptions, Timers, World } from "@agentflow/host/clock";
import { type Commit, defaultTenant, parseId, type RunId, type StepDefinition } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../../engine.ts";
import { Kit } from "../fixtures/engine-kit.ts";
import { runSubject, shardOf } from "../shard.ts";

const tenant = defaultTenant;
const one: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };

let kit: Kit;
afterEach(() => kit.close());

/** A process whose timers, watches and tails stand still while it sleeps, and which acts when asked. */
class Sleeper {
  asleep = false;
  readonly appends: Appended[] = [];
  readonly pushes: string[] = [];
  private late: (() => void)[] = [];

  wake(): void {
    this.asleep = false;
    for (const fn of this.late.splice(0)) fn();
  }

  world(world: World): World {
    const run = (fn: () => void): void => void (this.asleep ? this.late.push(fn) : fn());
    const timers: Timers = {
      after: (ms: number, fn: () => void, options?: TimerOptions): Stop =>
        world.timers.after(ms, () => run(fn), options),
      every: (ms: number, fn: () => void, options?: TimerOptions): Stop =>
        world.timers.every(ms, () => void (this.asleep || fn()), options),
    };
    return { ...world, timers };
  }

  bus(bus: Bus): Bus {
    const { table, log, queue } = bus;
    const { appends, pushes } = this;
    const wait = async (): Promise<void> => {
      while (this.asleep) await new Promise<void>((resolve) => this.late.push(resolve));
    };
    const watch: typeof table.watch = async function* (prefix, signal) {
      for await (const changes of table.watch(prefix, signal)) {
        await wait();
        yield changes;
      }
    };
    const tail: typeof log.tail = async function* (options) {
      for await (const entries of log.tail(options)) {
        await wait();
        yield entries;
      }
    };
    const append: typeof log.append = async (...args) => {
      const appended = await log.append(...args);
      appends.push(appended);
      return appended;
    };
    const push: typeof queue.push = (tasks) => {
      pushes.push(...tasks.map(({ id }) => id));
      return queue.push(tasks);
    };
    return {
      ...bus,
      table: { ...table, watch },
      log: { ...log, append, tail },
      queue: { ...queue, push },
    };
  }
}

/** The first reads do not tell of the newest commit, as from a server that led before it was paused. */
function lagging(bus: Bus, reads: { old: number }): Bus {
  const { log } = bus;
  const read: typeof log.read = async (...args) => {
    const entries = await log.read(...args);
    return reads.old-- > 0 ? entries.slice(0, -1) : entries;
  };
  return { ...bus, log: { ...log, read } };
}

async function rivals(
  reads = { old: 0 },
): Promise<{ zombie: Engine; owner: Engine; sleeper: Sleeper; runs: RunId[] }> {
  kit = new Kit(1, { polite: true });
  const sleeper = new Sleeper();
  const bus = sleeper.bus(kit.bus.client("cp-1"));
  const zombie = await kit.sharing("cp-1", { bus, world: sleeper.world(kit.world) });
  const owner = await kit.sharing("cp-2", { bus: lagging(kit.bus.client("cp-2"), reads) });
  await kit.pass(2_000);
  await kit.register(owner, "one", one);
  await kit.pass(100);
  const runs: RunId[] = [];
  while (runs.length < 10) {
    const body = kit.body("one", { x: 1 });
    const run = parseId("run", body.run);
    if (!zombie.shards.includes(shardOf(run))) continue;
    await kit.drive(zombie.runs.start(tenant, body, { waitMs: 0 }));
    runs.push(run);
  }
  sleeper.asleep = true;
  await kit.pass(7_000);
  expect(owner.shards.length).toBe(64);
  expect(zombie.shards.length).toBe(32);
  sleeper.appends.length = 0;
  return { zombie, owner, sleeper, runs };
}

async function cancel(engine: Engine, run: RunId, input: string): Promise<string> {
  const answer = engine.runs.cancel(tenant, run, { input });
  return kit.drive(
    answer.then(
      ({ kind }) => kind,
      (error: { reason: string }) => error.reason,
    ),
  );
}

async function endsOf(run: RunId): Promise<number> {
  const entries = await kit.drive(kit.bus.log.read(runSubject(tenant, run)));
  const commits = entries.map(({ body }): Commit => JSON.parse(body));
  return commits.flatMap(({ events }) => events.filter(({ kind }) => kind === "run_cancelled")).length;
}

test("who slept through its lease has every write refused on runs that went on without it", async () => {
  const { zombie, owner, sleeper, runs } = await rivals();
  for (const run of runs) expect(await cancel(owner, run, "owner")).toBe("accepted");
  for (const run of runs) expect(await cancel(zombie, run, "zombie")).toBe("run_already_ended");
  expect(sleeper.appends.length).toBeGreaterThanOrEqual(runs.length);
  expect(sleeper.appends.every(({ ok }) => !ok)).toBe(true);
  for (const run of runs) expect(await endsOf(run)).toBe(1);
});

test("awake again it serves none of them, and gets a fair share as anybody who joins", async () => {
  const { zombie, owner, sleeper, runs } = await rivals();
  sleeper.wake();
  expect(zombie.shards.length).toBe(0);
  expect(zombie.lease).toBe("lost");
  await kit.pass(4_000);
  expect([zombie.shards.length, owner.shards.length]).toEqual([32, 32]);
  kit.worker();
  const ends = await kit.drive(
    Promise.all(runs.map((run) => zombie.runs.wait(tenant, run, { waitMs: 20_000 }))),
  );
  expect(ends.every(({ status }) => status === "completed")).toBe(true);
});

test("two that race on one run: one of them wins each time, and both know how it ended", async () => {
  const { zombie, owner, runs } = await rivals();
  const wins = { zombie: 0, owner: 0 };
  for (const run of runs) {
    const [ofZombie, ofOwner] = await Promise.all([
      cancel(zombie, run, "zombie"),
      cancel(owner, run, "owner"),
    ]);
    if (ofZombie === "accepted") wins.zombie++;
    if (ofOwner === "accepted") wins.owner++;
    expect([ofZombie, ofOwner].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "accepted",
      "run_already_ended",
    ]);
    expect(await endsOf(run)).toBe(1);
    for (const engine of [zombie, owner]) {
      expect((await kit.drive(engine.runs.wait(tenant, run, { waitMs: 1_000 }))).status).toBe("cancelled");
    }
  }
  expect(wins.zombie + wins.owner).toBe(runs.length);
});

test("what it wrote in its sleep is sent by the owner, once, and not by the one who woke", async () => {
  const reads = { old: 0 };
  const { zombie, sleeper } = await rivals(reads);
  kit.worker();
  await kit.pass(2_000);
  sleeper.pushes.length = 0;
  let body = kit.body("one", { x: 2 });
  while (!zombie.shards.includes(shardOf(parseId("run", body.run)))) body = kit.body("one", { x: 2 });
  reads.old = 3;
  await kit.drive(zombie.runs.start(tenant, body, { waitMs: 0 }));
  await kit.pass(2_000);
  expect(reads.old).toBeLessThan(0);
  sleeper.wake();
  const run = parseId("run", body.run);
  const ended = await kit.drive(zombie.runs.wait(tenant, run, { waitMs: 20_000 }));
  expect(ended.status).toBe("completed");
  expect(sleeper.pushes.filter((id) => id.includes(body.run))).toEqual([]);
});
