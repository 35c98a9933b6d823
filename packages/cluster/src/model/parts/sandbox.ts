import type { Part } from "../installation.ts";
import { releaseName, stackName } from "../names.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import { sorted } from "../settings.ts";
import type { KubernetesSettings } from "../target.ts";

/** Of the engine's machine, unless the target's engine listens elsewhere. */
const engineSocket = "/var/run/docker.sock";

/**
 * The broker that makes sandboxes for untrusted tools. It alone is given the engine's socket, and only where
 * the project asks for it: agentflow.yaml has a `sandbox:`, be it an empty one. In a cluster it has a token
 * instead.
 */
export function sandboxPart({ target, images, engine = engineSocket }: Rendering): Part | undefined {
  const { sandbox } = target.project;
  if (sandbox === undefined) return undefined;
  const { settings } = target;
  const { memoryMb, cpus, pids, tmpMb } = sandbox.limits ?? {};
  const most = { MEMORY_MB: memoryMb, CPUS: cpus, PIDS: pids, TMP_MB: tmpMb };
  const told = Object.entries(most).flatMap(([name, value]) =>
    value === undefined ? [] : [[`AF_MOST__${name}`, String(value)] as const],
  );
  const where = settings.kind === "kubernetes" ? inCluster(settings) : onEngine(engine);
  return {
    name: "sandbox",
    role: "sandbox",
    replicas: 1,
    runs: "always",
    image: images.worker,
    command: ["sandbox", "-C", paths.project],
    environment: sorted({
      ...Object.fromEntries(told),
      AF_SANDBOX__BROKER: brokerSocket,
      ...where.environment,
      [podImageSetting]: images.worker,
      AF_SANDBOX__OWNER: (settings.kind === "kubernetes" ? releaseName : stackName)({
        project: target.project.name,
        target: target.name,
      }),
    }),
    files: [],
    mounts: [{ volume: "sandbox", path: paths.sandbox, readOnly: false }],
    ...where.part,
    ports: [],
    limits: { cpus: 1, memoryMb: 256, pids: 128 },
    stopMs: 10_000,
    after: [],
  };
}

interface Where {
  readonly environment: Readonly<Record<string, string>>;
  readonly part: Pick<Part, "engine" | "nameIn">;
}

function onEngine(socket: string): Where {
  return {
    environment: { AF_SANDBOX__HOST: `unix://${paths.engine}` },
    part: { engine: { socket, path: paths.engine } },
  };
}

/** Where a broker in a cluster finds image and RuntimeClass of its pods. */
export const podImageSetting = "AF_SANDBOX__IMAGE";
export const podClassSetting = "AF_SANDBOX__RUNTIME";

/** Beside each worker, in its pod: sandboxes are pods that go with that one. */
function inCluster({ namespace, runtimeClass = "" }: KubernetesSettings): Where {
  return {
    environment: { AF_SANDBOX__NAMESPACE: namespace, [podClassSetting]: runtimeClass },
    part: { nameIn: "AF_SANDBOX__POD" },
  };
}

/** Where workers find it. */
export const brokerSocket = `${paths.sandbox}/broker.sock`;
