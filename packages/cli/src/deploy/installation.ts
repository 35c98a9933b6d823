/** What only the installation itself can tell: which builds still have runs. */
import { AgentFlowError, type BuildList } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import type { ClusterTarget } from "./open.ts";

export interface OpenInstallation {
  readonly client: Client;
  [Symbol.asyncDispose](): Promise<void>;
}

const patienceMs = 15_000;

/** Through a forward of its own, with the token that the cluster keeps. */
export async function openInstallation(on: ClusterTarget): Promise<OpenInstallation> {
  const [{ openCluster }, { clusterToken, openClusterDoor }] = await Promise.all([
    import("@agentflow/cluster/kubernetes"),
    import("@agentflow/cluster/inside-cluster"),
  ]);
  const { namespace, release } = on;
  const { createClient } = await import("@agentflow/sdk/client");
  const { context } = on.cluster.address;
  const token = await clusterToken({ cluster: on.cluster, namespace, release });
  // The door closes the cluster that it is given.
  const cluster = await openCluster({ context, environment: process.env, namespace });
  const door = await openClusterDoor({ cluster, namespace, release });
  const client = createClient({ url: door.url, token, retryForMs: patienceMs });
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await door.close();
    },
  };
}

/** Undefined when nobody answers; `why` says it for people. */
export async function askBuilds(
  on: ClusterTarget,
): Promise<{ readonly list: BuildList | undefined; readonly why?: string }> {
  try {
    await using there = await openInstallation(on);
    return { list: await there.client.builds.list() };
  } catch (error) {
    if (!AgentFlowError.is(error)) throw error;
    return { list: undefined, why: error.message };
  }
}

export interface BuildRuns {
  readonly build: string;
  readonly openRuns: number;
  readonly takesNewRuns: boolean;
  readonly oldest?: string;
}

export function runsOf({ items }: BuildList, build: string): BuildRuns {
  const found = items.find((one) => one.build === build);
  return {
    build,
    openRuns: found?.openRuns ?? 0,
    takesNewRuns: (found?.current.length ?? 0) > 0,
    ...(found?.oldest === undefined ? {} : { oldest: found.oldest.run }),
  };
}
