/**
 * A worker of one tenant on the embedded bus. `node embedded-worker.ts PROJECT TENANT SLOTS`; where the bus
 * is comes over IPC.
 */
import { connectEmbedded } from "@agentflow/bus/embedded";
import { createLog } from "@agentflow/host/log";
import { systemWorld } from "@agentflow/host/system";
import { makeWorker } from "@agentflow/runtime";
import { parseAddress } from "./parse-address.ts";

const [projectDir = ".", tenant = "default", slots = "8"] = process.argv.slice(2);
process.on("message", (raw) => {
  const { socket, busToken } = parseAddress(raw);
  void begin(socket, busToken);
});

async function begin(path: string, token: string): Promise<void> {
  const world = systemWorld();
  const bus = await connectEmbedded({ path, token, ownerGoneMs: 1_000 });
  const worker = makeWorker(
    {
      worker: `bench-${tenant}`,
      tenant,
      pool: "default",
      build: "dev",
      slots: Number(slots),
      projectDir,
      leaseMs: 30_000,
    },
    {
      bus,
      world,
      log: createLog({ source: "worker", clock: world.clock, outputs: [] }),
      pid: process.pid,
      environment: process.env,
    },
  );
  process.once("SIGTERM", () => void worker.stop().finally(() => process.exit(0)));
  await worker.start();
}
