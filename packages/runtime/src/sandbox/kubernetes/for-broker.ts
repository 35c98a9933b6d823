/** Sandboxes as pods, by the settings of a broker or a worker. */
import type { Clock } from "@agentflow/host/clock";
import { AgentFlowError } from "@agentflow/protocol";
import type { SandboxSettings } from "../../channel/supervisor-messages.ts";
import { type PodSource, podSandboxes } from "./pods.ts";

interface Fixed {
  readonly projectDir: string;
  /** The file that the program starts on, in the image. */
  readonly entry: string;
  readonly owner: string;
  readonly clock: Clock;
}

/** Throws `invalid_input` without an image. Whether the cluster answers shows with the first sandbox. */
export function podSource(
  settings: SandboxSettings & { readonly namespace: string },
  { projectDir, entry, owner, clock }: Fixed,
): PodSource {
  const { image, runtime, namespace, kubeconfig, pod } = settings;
  if (image === undefined) {
    throw new AgentFlowError("invalid_input", "sandboxes in a cluster need the name of their image", {
      reason: "no_sandbox_image",
      suggestions: ["set sandbox.image to the project's image, as the nodes pull it"],
    });
  }
  const shape = { image, runtimeClass: runtime, projectDir, entry, owner };
  return podSandboxes({ shape, namespace, kubeconfig, pod, clock });
}
