/** Whether the nodes can run the images: said before anything is applied, not by a pod that crashes. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Engine } from "../../docker/engine/index.ts";
import { findImage } from "../base.ts";
import { wholeName } from "./names.ts";

/** What a cluster says of a node: `status.nodeInfo`, labels, and whether pods of ours may go there. */
export interface NodePlatform {
  readonly name: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Cordoned, or with a taint that keeps our pods away. */
  readonly closed: boolean;
  /** What it says that it has; a node tells of its largest alone. */
  readonly images: readonly string[];
}

export interface PlatformCheck {
  /** Of the images that were built. */
  readonly platform: string;
  readonly nodes: readonly NodePlatform[];
  /** `nodeSelector` of the target. */
  readonly selector?: Readonly<Record<string, string>> | undefined;
  readonly target: string;
}

/** `linux/amd64` of an image on the engine; undefined where it is not there. */
export async function platformOf(engine: Engine, reference: string): Promise<string | undefined> {
  return (await findImage(engine, reference))?.platform;
}

/** Throws `refused` where a pod could come to a node that cannot run it. Without nodes nothing is known. */
export function checkPlatforms({ platform, nodes, selector = {}, target }: PlatformCheck): void {
  const open = openNodes(nodes, selector);
  const others = open.filter((node) => platformOfNode(node) !== platform);
  if (others.length === 0) return;
  const [os = "", architecture = ""] = platform.split("/");
  const labels = `kubernetes.io/os: ${os}, kubernetes.io/arch: ${architecture}`;
  const found = [...new Set(others.map(platformOfNode))].toSorted();
  const [example] = others;
  const which = others.length === 1 ? `node ${example?.name ?? ""} is` : `${others.length} nodes are`;
  const isAll = others.length === open.length;
  throw new AgentFlowError(
    "refused",
    `the images are for ${platform}, and ${which} ${found.join(", ")}: pods would not start there`,
    {
      reason: "image_platform",
      details: { platform, nodes: others.map((node) => `${node.name} ${platformOfNode(node)}`).slice(0, 20) },
      suggestions: isAll
        ? [
            `build on an engine of such a machine (${found[0] ?? ""}): DOCKER_HOST, docker context use`,
            `or push images for it yourself: docker buildx build --platform ${found[0] ?? ""} …`,
          ]
        : [`keep to the others: nodeSelector: {${labels}} of target ${target}`],
    },
  );
}

/** Whether each node to which pods may come has the image. Where none is known, none has. */
export function isOnNodes(
  reference: string,
  { nodes, selector = {} }: Pick<PlatformCheck, "nodes" | "selector">,
): boolean {
  const open = openNodes(nodes, selector);
  const name = wholeName(reference);
  return open.length > 0 && open.every(({ images }) => images.some((one) => wholeName(one) === name));
}

function openNodes(
  nodes: readonly NodePlatform[],
  selector: Readonly<Record<string, string>>,
): readonly NodePlatform[] {
  const wanted = Object.entries(selector);
  return nodes.filter(
    ({ closed, labels }) => !closed && wanted.every(([label, value]) => labels[label] === value),
  );
}

function platformOfNode({ operatingSystem, architecture }: NodePlatform): string {
  return `${operatingSystem}/${architecture}`;
}
