import { openMemoryBus } from "@agentflow/bus/memory";
import { createLog } from "@agentflow/host/log";
import { virtualWorld } from "@agentflow/host/virtual";
import {
  defaultPool,
  defaultTenant,
  devBuild,
  instant,
  parseId,
  type WorkerPresence,
} from "@agentflow/protocol";
import { expect, test } from "vitest";
import { Workers } from "./workers.ts";

const minute = 60_000;
const hour = 60 * minute;

/** Workers of one tenant, and the table that their rows are in; the owner may be deaf to its changes. */
async function house({ deaf = false } = {}) {
  const world = virtualWorld(1);
  const bus = openMemoryBus({ world, polite: true });
  const { table } = bus.client("owner");
  const key = `worker.${defaultTenant}.w1`;
  const present = async (seenMs: number): Promise<void> => {
    const row: WorkerPresence = {
      v: 1,
      kind: "worker",
      worker: parseId("worker", "w1"),
      tenant: defaultTenant,
      pool: defaultPool,
      build: devBuild,
      slots: 4,
      host: "here",
      pid: 1,
      state: "ready",
      busy: [],
      since: instant(0),
      seenAt: instant(seenMs),
    };
    const put = bus.table.put(key, JSON.stringify(row), { expect: "any" });
    await world.time.advance(10);
    await put;
  };
  const rows = async (): Promise<number> => {
    const listed = table.list("worker.");
    await world.time.advance(10);
    return (await listed).length;
  };
  const silent = async function* (): AsyncGenerator<[]> {
    await new Promise(() => undefined);
    yield [];
  };
  const workers = new Workers({
    table: deaf ? { ...table, watch: silent } : table,
    world,
    say: createLog({ source: "control-plane", clock: world.clock, outputs: [] }),
    onChange: () => undefined,
    isFirst: () => true,
  });
  const start = async (): Promise<void> => {
    const starting = workers.start();
    await world.time.advance(10);
    await starting;
  };
  return { world, workers, present, rows, start };
}

test("the row of a worker that died is kept for an hour and then removed", async () => {
  const { world, workers, present, rows, start } = await house();
  await present(world.clock.now());
  await start();
  await world.time.advance(59 * minute);
  expect(await rows()).toBe(1);
  expect(workers.list(defaultTenant)).toMatchObject([{ worker: "w1", alive: false }]);
  await world.time.advance(3 * minute);
  expect(await rows()).toBe(0);
  expect(workers.list(defaultTenant)).toEqual([]);
});

test("a worker that comes back keeps its row, also when its return was not heard of", async () => {
  const { world, present, rows, start } = await house({ deaf: true });
  await present(world.clock.now() - 2 * hour);
  await start();
  await present(world.clock.now());
  await world.time.advance(10 * minute);
  expect(await rows()).toBe(1);
});

test("a worker whose clock is hours behind is alive as long as it writes", async () => {
  const { world, present, rows, start } = await house();
  await start();
  for (let n = 0; n < 200; n++) {
    await present(world.clock.now() - 5 * hour);
    await world.time.advance(2_000);
    expect(await rows()).toBe(1);
  }
});
