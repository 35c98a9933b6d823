/** Whether untrusted tools find their sandbox in a cluster: proved by making one there and removing it. */
import type { OpenedTarget } from "@agentflow/cluster";
import type { Cluster, SandboxThere } from "@agentflow/cluster/kubernetes";
import { AgentFlowError, sandboxBounds, sandboxDefaults, showSandbox } from "@agentflow/protocol";
import type { Check } from "../doctor/check.ts";

export interface SandboxExamined {
  readonly checks: readonly Check[];
  /** A pod that policies close did not get out: somebody enforces them. */
  readonly isClosed: boolean;
}

const name = "sandbox";

/** Nothing for a project without a broker. Leaves nothing behind. */
export async function examineSandbox(target: OpenedTarget, cluster: Cluster): Promise<SandboxExamined> {
  const { plannedSandbox, seeSandbox } = await import("@agentflow/cluster/kubernetes");
  const planned = plannedSandbox(target);
  if (planned === undefined) return { checks: [], isClosed: false };
  const there = await seeSandbox(cluster, planned);
  const image = there.brokers?.images.at(-1);
  if (image === undefined) {
    const fact = "not tried: the image of its pods is not deployed, or you may not list pods";
    return { checks: [{ name, state: "note", fact, fix: `af deploy ${target.name}` }], isClosed: false };
  }
  const brokers = brokerCheck(there, target.name);
  const policy = policyCheck(there, { policy: planned.policy, target: target.name });
  const proof = await proved(target, cluster, { ...planned, image });
  return { checks: [...brokers, ...policy, proof], isClosed: proof.state === "good" };
}

function brokerCheck({ brokers }: SandboxThere, target: string): Check[] {
  if (brokers === undefined) return [];
  const { ready, workers } = brokers;
  const fact = `brokers are ready beside ${ready} of ${workers} workers`;
  if (ready === workers) return [{ name, state: "good", fact }];
  return [{ name, state: "bad", fact, fix: `af status --context ${target}` }];
}

function policyCheck(
  { policy: state }: SandboxThere,
  { policy, target }: { readonly policy: string; readonly target: string },
): Check[] {
  if (state === "closes" || state === "forbidden") return [];
  const fact = state === "absent" ? `${policy} is not there` : `${policy} does not close the pods`;
  return [{ name, state: "bad", fact: `NetworkPolicy ${fact}`, fix: `af deploy ${target} puts it right` }];
}

interface Proving {
  readonly release: string;
  readonly namespace: string;
  readonly runtimeClass: string;
  readonly image: string;
}

/** The least that a call may ask for, for half a minute. */
const request = {
  ...sandboxDefaults,
  memoryMb: sandboxBounds.memoryMb.min,
  cpus: 0.5,
  tmpMb: 8,
  network: [],
  tool: "doctor.sandbox",
  run: "doctor",
  step: "doctor",
  lifeMs: 30_000,
} as const;

/** As the API server says it; quotas and admission forbid in other words. */
const noRight = /cannot [a-z]+ resource "/;

async function proved(target: OpenedTarget, { config }: Cluster, of: Proving): Promise<Check> {
  const [{ podProbe }, { systemClock }, { paths }] = await Promise.all([
    import("@agentflow/runtime/sandbox"),
    import("@agentflow/host/system"),
    import("@agentflow/cluster"),
  ]);
  const { release: owner, ...where } = of;
  const started = performance.now();
  try {
    const place = { kubeconfig: config, projectDir: paths.project, clock: systemClock };
    const applied = await podProbe({ ...where, ...place, owner, request });
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    const fact = `a pod as the broker makes them ran, and is removed: ${showSandbox(applied)} (${seconds}s)`;
    return { name, state: "good", fact };
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "trying a sandbox");
    const said = message.replace(/^no sandbox: /, "");
    if (noRight.test(said)) {
      const fix = `ask for create of pods and pods/exec there; the broker has them: Role ${owner}-sandbox`;
      return { name, state: "note", fact: `not tried, for you may not: ${said}`, fix };
    }
    return {
      name,
      state: "bad",
      fact: said,
      fix: suggestions[0] ?? `af tool inspect TOOL --effective --target ${target.name}`,
    };
  }
}
