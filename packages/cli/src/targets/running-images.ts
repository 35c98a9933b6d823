/** The images of what runs: more of it is made without building anything. */
import type { Images, OpenedTarget } from "@agentflow/cluster";
import type { Observed } from "@agentflow/cluster/docker";
import { AgentFlowError } from "@agentflow/protocol";

/** Refuses when the target is not up. Where no worker runs there is none to take its image from. */
export function runningImages(
  target: OpenedTarget,
  { containers }: Observed,
): Omit<Images, "worker"> & { readonly worker: string | undefined } {
  const imageOf = (is: (part: string) => boolean): string | undefined =>
    containers.find(({ part }) => is(part))?.image;
  const controlPlane = imageOf((part) => part === "control-plane");
  if (controlPlane === undefined) {
    throw new AgentFlowError("unavailable", `${target.name} is not up`, {
      reason: "not_up",
      suggestions: [`build and start it: af up ${target.name}`],
    });
  }
  const worker = imageOf((part) => part.startsWith("worker-")) ?? imageOf((part) => part === "register");
  return {
    controlPlane,
    worker,
    nats: imageOf((part) => part === "nats") ?? target.settings.images.nats,
  };
}
