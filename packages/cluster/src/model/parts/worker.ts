import type { PoolName } from "@agentflow/protocol";
import type { Part } from "../installation.ts";
import { paths } from "../paths.ts";
import { brokerSocket } from "./sandbox.ts";
import type { Rendering } from "../rendering.ts";
import { buildOf, busEnvironment, poolNames, ports, secretsOf, sorted, stopWithin } from "../settings.ts";
import { defaultLimits, type OpenedTarget, workerPart } from "../target.ts";

/** One part a pool, also when it has no copies: so that others know of it. */
export function workerParts(rendering: Rendering): readonly Part[] {
  return poolNames(rendering.target).map((pool) => workersOf(pool, rendering));
}

function workersOf(pool: PoolName, rendering: Rendering): Part {
  const { target, images } = rendering;
  const name = workerPart(pool);
  const limits = target.settings.limits[name] ?? defaultLimits(name);
  const secrets = secretsOf(rendering);
  const inCluster = target.settings.kind === "kubernetes";
  const hasSandboxes = target.project.sandbox !== undefined;
  const ownNats = target.settings.nats.url === undefined;
  return {
    name,
    role: "worker",
    pool,
    replicas: target.settings.workers[pool] ?? 0,
    runs: "always",
    image: images.worker,
    command: ["worker", "-C", paths.project],
    environment: sorted({
      ...runnerEnvironment(target, limits.memoryMb),
      ...target.variables,
      ...target.settings.environment,
      ...busEnvironment(target, { seedFile: `${paths.keys}/worker-default.nk`, inbox: "_AF.worker-default" }),
      // A kubelet asks from outside of the pod, an engine from within the container.
      AF_HEALTH__HOST: inCluster ? "0.0.0.0" : "127.0.0.1",
      AF_HEALTH__PORT: String(ports.workerHealth),
      AF_WORKER__POOL: pool,
      ...(inCluster ? { AF_WORKER__BUILD: buildOf(images.worker) } : {}),
      AF_WORKER__FILES_DIR: paths.files,
      ...(secrets.length === 0 ? {} : { AF_SECRETS_DIR: paths.secrets }),
      ...(hasSandboxes ? { AF_SANDBOX__BROKER: brokerSocket } : {}),
    }),
    nameIn: "AF_WORKER__NAME",
    files: [],
    mounts: [
      ...(ownNats ? [{ volume: "keys-worker", path: paths.keys, readOnly: true }] : []),
      { volume: "files", path: paths.files, readOnly: false },
      ...(hasSandboxes ? [{ volume: "sandbox", path: paths.sandbox, readOnly: true }] : []),
    ],
    ...(secrets.length === 0 ? {} : { secretsAt: paths.secrets }),
    ports: [],
    health: {
      port: ports.workerHealth,
      path: "/readyz",
      everyMs: 5_000,
      timeoutMs: 3_000,
      retries: 5,
      startMs: 60_000,
    },
    limits,
    stopMs: stopWithin(target, 30_000),
    after: ["control-plane"],
  };
}

/** The supervisor, and what a runner needs besides its heap. */
const besideHeapMb = 320;

/** A runner's heap fits into the container, unless the project says how large it is. */
function runnerEnvironment({ project }: OpenedTarget, memoryMb: number): Record<string, string> {
  const worker = project.settings?.["worker"];
  const isTold = typeof worker === "object" && worker !== null && "runnerMemoryMb" in worker;
  if (isTold) return {};
  return { AF_WORKER__RUNNER_MEMORY_MB: String(Math.max(64, memoryMb - besideHeapMb)) };
}
