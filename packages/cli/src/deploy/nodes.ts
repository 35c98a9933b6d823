/** Whether the nodes can run the images, have them, and log in to where they are: asked before a push. */
import type { Engine } from "@agentflow/cluster/engine";
import type { NodePlatform } from "@agentflow/cluster/image";
import { AgentFlowError } from "@agentflow/protocol";
import type { ClusterTarget } from "./open.ts";

/** Answers with what a person should know. */
export async function checkImages(
  on: ClusterTarget,
  engine: Engine,
  image: string,
): Promise<readonly string[]> {
  await checkNodes(on, engine, image);
  return checkLogins(on);
}

async function checkNodes(on: ClusterTarget, engine: Engine, image: string): Promise<void> {
  const { checkPlatforms, platformOf } = await import("@agentflow/cluster/image");
  const platform = await platformOf(engine, image);
  const { name, settings } = on.project.target;
  if (platform === undefined || settings.kind !== "kubernetes") return;
  const { nodeSelector: selector } = settings;
  checkPlatforms({ platform, nodes: await nodesOf(on), selector, target: name });
}

/** Whether an image need not be loaded: it is where its pods may come to. */
export async function isOnItsNodes(on: ClusterTarget, image: string): Promise<boolean> {
  const { settings } = on.project.target;
  if (settings.kind !== "kubernetes") return false;
  const { isOnNodes } = await import("@agentflow/cluster/image");
  return isOnNodes(image, { nodes: await nodesOf(on), selector: settings.nodeSelector });
}

async function checkLogins(on: ClusterTarget): Promise<readonly string[]> {
  const { settings } = on.project.target;
  if (settings.kind !== "kubernetes" || settings.pullSecrets.length === 0) return [];
  const { checkPullSecrets } = await import("@agentflow/cluster/image");
  const { namespace, cluster } = on;
  const { pullSecrets: names, registry } = settings;
  return checkPullSecrets({
    names,
    namespace,
    ...(registry === undefined ? {} : { registry }),
    read: async (name) => {
      const found = await orNothing(
        cluster.ask(`reading Secret/${name}`, ({ core }) => core.readNamespacedSecret({ namespace, name })),
        "not_found",
      );
      return found === undefined ? undefined : { type: found.type ?? "", data: found.data ?? {} };
    },
  });
}

/** None where they may not be asked for: then nothing is known of them. */
async function nodesOf({ cluster }: ClusterTarget): Promise<readonly NodePlatform[]> {
  const listed = await orNothing(
    cluster.ask("listing nodes", ({ core }) => core.listNode()),
    "forbidden",
  );
  return (listed?.items ?? []).map(({ metadata, spec, status }) => ({
    name: metadata?.name ?? "",
    operatingSystem: status?.nodeInfo?.operatingSystem ?? "",
    architecture: status?.nodeInfo?.architecture ?? "",
    labels: metadata?.labels ?? {},
    closed:
      spec?.unschedulable === true || (spec?.taints ?? []).some(({ effect }) => effect.startsWith("No")),
    images: (status?.images ?? []).flatMap(({ names }) => names ?? []),
  }));
}

async function orNothing<T>(asked: Promise<T>, code: AgentFlowError["code"]): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === code) return undefined;
    throw error;
  }
}
