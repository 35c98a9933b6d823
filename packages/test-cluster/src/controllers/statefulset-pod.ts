/** One pod of a StatefulSet, and its claims. */
import { ownerReference } from "../world/names.ts";
import { type StatefulSet, type Volume, parseObject } from "../world/parse-kinds.ts";
import type { World } from "../world/world.ts";

export interface Member {
  readonly ordinal: number;
  readonly revision: string;
}

/** Answers whether the server refused it. */
export function makeStatefulPod(world: World, set: StatefulSet, { ordinal, revision }: Member): boolean {
  const { namespace = "" } = set.metadata;
  const name = `${set.metadata.name}-${ordinal}`;
  const { template } = set.spec;
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name);
  const volumes: Volume[] = claims.map((claim) => ({
    name: claim,
    persistentVolumeClaim: { claimName: `${claim}-${name}` },
  }));
  try {
    makeClaims(world, set, name);
    world.writer.create(
      "pods",
      namespace,
      parseObject({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name,
          generateName: `${set.metadata.name}-`,
          namespace,
          labels: {
            ...template.metadata?.labels,
            "apps.kubernetes.io/pod-index": String(ordinal),
            "controller-revision-hash": revision,
            "statefulset.kubernetes.io/pod-name": name,
          },
          annotations: template.metadata?.annotations,
          ownerReferences: [ownerReference(set)],
        },
        spec: {
          ...template.spec,
          hostname: name,
          subdomain: set.spec.serviceName,
          volumes: [
            ...volumes,
            ...(template.spec.volumes ?? []).filter((volume) => !claims.includes(volume.name)),
          ],
        },
      }),
    );
    say(
      world,
      set,
      "Normal",
      "SuccessfulCreate",
      `create Pod ${name} in StatefulSet ${set.metadata.name} successful`,
    );
    return false;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const what = `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${error.message}`;
    say(world, set, "Warning", "FailedCreate", what);
    return true;
  }
}

function makeClaims(world: World, set: StatefulSet, pod: string): void {
  const { namespace = "" } = set.metadata;
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const name = `${template.metadata.name}-${pod}`;
    if (world.store.get({ resource: "persistentvolumeclaims", namespace, name }) !== undefined) continue;
    world.writer.create(
      "persistentvolumeclaims",
      namespace,
      parseObject({
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: {
          name,
          namespace,
          labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
          annotations: template.metadata.annotations,
        },
        spec: template.spec,
      }),
    );
    const message = `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`;
    say(world, set, "Normal", "SuccessfulCreate", message);
  }
}

function say(
  world: World,
  set: StatefulSet,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
): void {
  world.events.record({ about: set, type, reason, message, component: "statefulset-controller" });
}
