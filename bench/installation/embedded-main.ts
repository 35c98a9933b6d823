/**
 * A control plane on the embedded bus with its socket, as `af dev` composes it, for several tenants' workers.
 * `node embedded-main.ts DIR`: tells its parent where it is, over IPC.
 */
import { createHash, randomBytes } from "node:crypto";
import path from "node:path";
import { openEmbedded, serveSocket } from "@agentflow/bus/embedded";
import { startControlPlane } from "@agentflow/control-plane";
import { createLog } from "@agentflow/host/log";
import { createMetrics } from "@agentflow/host/metrics";
import { boundHeap, holdHeap, systemWorld } from "@agentflow/host/system";
import { devBuild } from "@agentflow/protocol";
import type { EmbeddedAddress } from "./parse-address.ts";

const [dir = "."] = process.argv.slice(2);
holdHeap();
const world = systemWorld();
const state = path.join(dir, "state");
const bus = await openEmbedded({ dir: state });
const secret = (): string => randomBytes(32).toString("hex");
const [token, busToken] = [secret(), secret()];
const socket = await serveSocket(bus, { path: path.join(dir, "socket"), token: busToken });
const controlPlane = await startControlPlane({
  bus,
  world,
  log: createLog({ source: "control-plane", clock: world.clock, outputs: [] }),
  metrics: createMetrics(),
  node: "bench",
  version: "0.0.0",
  readModelDir: state,
  tenantDefaults: { build: devBuild },
  api: { host: "127.0.0.1", port: 0, localTokenHash: createHash("sha256").update(token).digest("hex") },
});
boundHeap(world.timers);
const address: EmbeddedAddress = { url: controlPlane.url, token, socket: socket.path, busToken };
process.send?.(address);
process.once("SIGTERM", () => {
  void controlPlane
    .stop(1_000)
    .then(() => socket.close())
    .then(() => bus.close())
    .finally(() => process.exit(0));
});
