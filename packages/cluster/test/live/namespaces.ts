/** Namespaces of a run: removed at the end, and waited for until they are gone. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Cluster } from "@agentflow/cluster/kubernetes";
import { setTimeout as sleep } from "node:timers/promises";

const goneWithinMs = 300_000;

export async function removeNamespaces(
  cluster: Cluster,
  names: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  await Promise.all(names.map(async (name) => remove(cluster, name)));
  const untilMs = performance.now() + goneWithinMs;
  for (const name of names) {
    while (await isThere(cluster, name)) {
      if (performance.now() > untilMs) {
        say(`namespace ${name} is still being removed: kubectl get namespace ${name}`);
        break;
      }
      await sleep(500);
    }
  }
}

async function remove(cluster: Cluster, name: string): Promise<void> {
  await orNothing(
    cluster.ask(`removing namespace ${name}`, async ({ core }) => core.deleteNamespace({ name })),
  );
}

async function isThere(cluster: Cluster, name: string): Promise<boolean> {
  const found = await orNothing(
    cluster.ask(`looking for namespace ${name}`, async ({ core }) => core.readNamespace({ name })),
  );
  return found !== undefined;
}

/** What is not there needs no removal. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (AgentFlowError.is(error) && (error.code === "not_found" || error.code === "conflict"))
      return undefined;
    throw error;
  }
}
