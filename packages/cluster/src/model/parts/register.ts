import type { Part, PartName } from "../installation.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import { poolNames, ports } from "../settings.ts";
import { workerPart } from "../target.ts";

/**
 * Brings the project's workflows to the control plane once a worker runs the same code. It is on loopback for
 * the first one, so that the token leaves no machine in the clear. Undefined without a worker: nobody could
 * say what tools there are.
 */
export function registerPart({ target, images }: Rendering): Part | undefined {
  const { workers } = target.settings;
  const pools = poolNames(target).filter((pool) => (workers[pool] ?? 0) > 0);
  if (pools.length === 0) return undefined;
  const address = `http://127.0.0.1:${ports.api}`;
  const working: readonly PartName[] = pools.map((pool) => workerPart(pool));
  return {
    name: "register",
    role: "register",
    replicas: 1,
    runs: "once",
    image: images.worker,
    // Told its address as a flag it does not say whom it speaks to, which the logs would show as a warning.
    command: ["workflow", "register", "-C", paths.project, "--url", address, "--wait", "2m"],
    environment: { AF_TOKEN_FILE: `${paths.keys}/token` },
    files: [],
    mounts: [{ volume: "keys-register", path: paths.keys, readOnly: true }],
    network: "control-plane",
    ports: [],
    limits: { cpus: 1, memoryMb: 512, pids: 256 },
    stopMs: 5_000,
    after: ["control-plane", ...working],
  };
}
