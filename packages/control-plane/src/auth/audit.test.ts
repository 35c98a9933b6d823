import { openMemoryBus } from "@agentflow/bus/memory";
import { createLog } from "@agentflow/host/log";
import { virtualWorld } from "@agentflow/host/virtual";
import { subjects } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { createAudit, noteLimits } from "./audit.ts";

async function trail() {
  const world = virtualWorld(3);
  const bus = openMemoryBus({ world, polite: true });
  const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });
  const audit = createAudit({ bus, clock: world.clock, timers: world.timers, log });
  const refuse = async (times: number, reason: string, by = "unknown"): Promise<void> => {
    for (let n = 0; n < times; n++) {
      audit.note({ by, did: "other", outcome: "refused", reason });
      if (n % 50 === 49) await world.time.advance(10);
    }
    await world.time.advance(100);
  };
  const records = async (): Promise<{ reason: string; by: string; leftOut?: number }[]> => {
    const read = bus.log.read(subjects.audit("_"), { limit: 10_000 });
    await world.time.advance(100);
    return (await read).map(({ body }) => JSON.parse(body));
  };
  return { world, refuse, records };
}

// Measured: 7,000 durable records a second, from one page of a foreign origin.
test("refusals by the thousand leave a short trail, which says soon what it leaves out", async () => {
  const { world, refuse, records } = await trail();
  await refuse(5_000, "foreign_origin");
  const written = await records();
  expect(written.length).toBeLessThanOrEqual(noteLimits.burst);
  await refuse(1, "bad_credentials");
  expect((await records()).at(-1)).toMatchObject({ reason: "bad_credentials" });
  await world.time.advance(noteLimits.refillMs);
  const told = (await records()).slice(written.length + 1);
  expect(told).toMatchObject([{ reason: "foreign_origin", leftOut: 5_000 - written.length - 1 }]);
});

test("an hour of refusals is an hour's minutes of records, and all of them are counted", async () => {
  const { world, refuse, records } = await trail();
  for (let minute = 0; minute < 60; minute++) {
    await refuse(200, "tenant_mismatch");
    await world.time.advance(noteLimits.refillMs - 140);
  }
  await world.time.advance(2 * noteLimits.refillMs);
  const written = await records();
  expect(written.length).toBeLessThan(noteLimits.burst + 65);
  const counted = written.reduce((sum, { leftOut = 0 }) => sum + 1 + leftOut, 0);
  expect(counted).toBe(60 * 200);
});

test("one caller's flood leaves the refusals of another in the trail", async () => {
  const { refuse, records } = await trail();
  await refuse(5_000, "tenant_mismatch", "a worker of acme");
  await refuse(1, "tenant_mismatch", "a worker of globex");
  expect((await records()).at(-1)).toMatchObject({ by: "a worker of globex" });
});
