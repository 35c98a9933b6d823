/** What only the installation itself can tell: which builds still have runs. */
import { AgentFlowError, type BuildList } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import type { ClusterTarget } from "./open.ts";

export interface OpenInstallation {
  readonly client: Client;
  [Symbol.asyncDispose](): Promise<void>;
}

const patienceMs = 15_000;

/** Through a forward of its own, with the token that the cluster keeps. Refuses what is not deployed. */
export async function openInstallation(on: ClusterTarget): Promise<OpenInstallation> {
  const [{ clusterToken, openClusterDoor, openPlace }, { createClient }] = await Promise.all([
    import("@agentflow/cluster/inside-cluster"),
    import("@agentflow/sdk/client"),
  ]);
  const { target } = on.project;
  const { context, server } = on.cluster.address;
  // The door closes the cluster that it is given: this one is not the target's.
  const place = await openPlace(
    { context, server, namespace: on.namespace, project: target.project.name, target: target.name },
    process.env,
  );
  try {
    const token = await clusterToken(place);
    const door = await openClusterDoor(place);
    const client = createClient({ url: door.url, token, retryForMs: patienceMs });
    return {
      client,
      [Symbol.asyncDispose]: async () => {
        client.close();
        await door.close();
      },
    };
  } catch (error) {
    place.cluster.close();
    throw error;
  }
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

/** Open runs that keep the workers of a build; undefined when nobody can tell how many they are. */
export function runsThatKeep(list: BuildList | undefined, build: string): number | undefined {
  // Of some runs this release cannot read on which build they began: it may be any.
  if (list === undefined || list.unreadable > 0) return undefined;
  const { openRuns, takesNewRuns } = runsOf(list, build);
  return takesNewRuns ? Math.max(1, openRuns) : openRuns;
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
