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
  const audit = createAudit({ bus, clock: world.clock, log });
  const refuse = async (times: number, reason: string): Promise<void> => {
    for (let n = 0; n < times; n++) {
      audit.note({ by: "unknown", did: "other", outcome: "refused", reason });
      if (n % 50 === 49) await world.time.advance(10);
    }
    await world.time.advance(100);
  };
  const records = async (): Promise<{ reason: string; leftOut?: number }[]> => {
    const read = bus.log.read(subjects.audit("_"), { limit: 10_000 });
    await world.time.advance(100);
    return (await read).map(({ body }) => JSON.parse(body));
  };
  return { world, refuse, records };
}

// Measured: 7,000 durable records a second, from one page of a foreign origin.
test("refusals by the thousand leave a short trail, which says what it leaves out", async () => {
  const { world, refuse, records } = await trail();
  await refuse(5_000, "foreign_origin");
  const written = await records();
  expect(written.length).toBeLessThanOrEqual(noteLimits.burst + 5);
  await refuse(1, "bad_credentials");
  const other = (await records()).at(-1);
  expect(other).toMatchObject({ reason: "bad_credentials", leftOut: 5_000 - written.length });
  await world.time.advance(10 * noteLimits.refillMs);
  await refuse(5, "foreign_origin");
  expect(await records()).toHaveLength(written.length + 6);
});
