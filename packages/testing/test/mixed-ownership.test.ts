/** On a real nats-server: who has all shards and those that share them are never both there. */
import { openNats } from "@agentflow/bus/nats";
import { type NatsServer, natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { type Engine, startEngine } from "@agentflow/control-plane";
import { createLog } from "@agentflow/host/log";
import { createMetrics } from "@agentflow/host/metrics";
import { systemWorld } from "@agentflow/host/system";
import { devBuild } from "@agentflow/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const missing = await natsServerMissing();
const world = systemWorld();
const closing: (() => Promise<void>)[] = [];
let server: NatsServer;

interface Started {
  readonly engine: Engine;
  /** As a process that is gone: it says nothing to anybody. */
  kill(): Promise<void>;
}

async function start(node: string, ownership: "all" | "leases"): Promise<Started> {
  const bus = await openNats({ servers: [server.url], role: "owner" });
  closing.push(() => bus.close());
  const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });
  const engine = await startEngine({
    bus,
    world,
    log,
    node,
    ownership,
    metrics: createMetrics(),
    version: "0.0.0",
    tenantDefaults: { build: devBuild },
    readModelDir: ":memory:",
    config: { leaseMs: 1_000 },
  });
  closing.push(() => engine.stop().catch(() => undefined));
  return { engine, kill: () => bus.close() };
}

describe.skipIf(missing !== undefined)("on NATS", () => {
  beforeEach(async () => {
    server = await startNatsServer();
  });

  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    await server.close();
  });

  const mixed = { code: "refused", reason: "mixed_ownership" };

  test("who would have all is refused while others share, and let in once they are dead", async () => {
    const one = await start("cp-1", "leases");
    await expect(start("local", "all")).rejects.toMatchObject({ ...mixed, details: { nodes: ["cp-1"] } });
    await one.kill();
    const { engine } = await start("local", "all");
    expect(engine.shards).toHaveLength(64);
  });

  test("who would share is refused while one has all, and let in once that one is dead", async () => {
    const all = await start("local", "all");
    await expect(start("cp-1", "leases")).rejects.toMatchObject({ ...mixed, details: { owner: "local" } });
    expect([all.engine.lease, all.engine.shards.length]).toEqual(["held", 64]);
    await all.kill();
    const { engine } = await start("cp-1", "leases");
    expect(engine.shards).toHaveLength(64);
  });
});
