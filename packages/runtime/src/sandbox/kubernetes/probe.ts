/** One sandbox's pod in a cluster, as a broker there makes them: for who looks whether that works. */
import type { Clock } from "@agentflow/host/clock";
import type { SandboxApplied } from "@agentflow/protocol";
import type { KubeConfig } from "@kubernetes/client-node";
import { sandboxEntry } from "../for-worker.ts";
import type { SandboxRequest } from "../source.ts";
import { commandWait } from "../pace.ts";
import { podSandboxes } from "./pods.ts";

export interface PodProbing {
  readonly kubeconfig: KubeConfig;
  readonly namespace: string;
  /** The release: whose policies of the network mean its pods. */
  readonly owner: string;
  readonly image: string;
  readonly runtimeClass: string;
  readonly projectDir: string;
  readonly request: SandboxRequest;
  readonly clock: Clock;
}

/** Made, held against what was asked, and gone again. Throws `sandbox_unavailable` with what is missing. */
export async function podProbe(of: PodProbing): Promise<SandboxApplied> {
  const { kubeconfig, namespace, owner, image, runtimeClass, projectDir, request, clock } = of;
  const shape = { image, runtimeClass, projectDir, entry: sandboxEntry, owner };
  const source = podSandboxes({ shape, namespace, kubeconfig, clock, isGuest: true, wait: commandWait });
  try {
    const sandbox = await source.open(request, () => undefined);
    sandbox.kill();
    await sandbox.exited;
    return sandbox.applied;
  } finally {
    await source.close();
  }
}
