import type { Mount, Part, PartName } from "../installation.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import { buildOf, busEnvironment, poolNames, ports } from "../settings.ts";
import { workerPart } from "../target.ts";

const keys: Mount = { volume: "keys-register", path: paths.keys, readOnly: true };

/**
 * Brings the project's workflows to the control plane once a worker runs the same code. It is on loopback for
 * the first one, so that the token leaves no machine in the clear. Undefined without a worker: nobody could
 * say what tools there are.
 */
export function registerPart(rendering: Rendering): Part | undefined {
  const { target, images } = rendering;
  const { workers } = target.settings;
  // Scaled ones begin with one, also where nobody has asked for any yet.
  const scaled = target.settings.kind === "kubernetes" ? target.settings.scaling : {};
  const pools = poolNames(target).filter((pool) => (workers[pool] ?? 0) > 0 || Object.hasOwn(scaled, pool));
  if (pools.length === 0) return undefined;
  const working: readonly PartName[] = pools.map((pool) => workerPart(pool));
  if (target.settings.kind === "kubernetes") return overTheBus(rendering, working);
  const address = `http://127.0.0.1:${ports.api}`;
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
    mounts: [keys],
    network: "control-plane",
    ports: [],
    limits: { cpus: 1, memoryMb: 512, pids: 256 },
    stopMs: 5_000,
    after: ["control-plane", ...working],
  };
}

/**
 * In a cluster it is a pod of its own: it comes over the bus as itself, and no token crosses the network. New
 * runs take the build from then on.
 */
function overTheBus({ target, images }: Rendering, working: readonly PartName[]): Part {
  const { url } = target.settings.nats;
  const environment = busEnvironment(target, { seedFile: "", inbox: "" });
  const identity = ["--nkey", `${paths.keys}/register.nk`, "--inbox", "_AF.register"];
  const servers = environment["AF_BUS__SERVERS"] ?? "";
  const bring = ["workflow", "register", "-C", paths.project, "--bus", servers];
  const by = url === undefined ? identity : [];
  const until = ["--build", buildOf(images.worker), "--wait", "5m", "--remove-gone"];
  return {
    name: "register",
    role: "register",
    replicas: 1,
    runs: "once",
    image: images.worker,
    command: [...bring, ...by, ...until],
    environment: {},
    files: [],
    // It loads the project's code, which has no use for the token beside it.
    mounts: url === undefined ? [{ ...keys, only: ["register.nk"] }] : [],
    ports: [],
    limits: { cpus: 1, memoryMb: 512, pids: 256 },
    stopMs: 5_000,
    after: ["control-plane", ...working],
  };
}
