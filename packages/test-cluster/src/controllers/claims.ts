/** Claims of volumes: bound at once when their storage class is there, as one folder or volume each. */
import { objectAt, textAt } from "../json.ts";
import type { KubeObject } from "../object.ts";
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { type Pod, parseAny, parseKind } from "../world/parse-kinds.ts";
import type { Meta } from "../world/meta.ts";
import { hasEnded } from "../world/pods-state.ts";
import { change, dropFinalizer, get, list, type World } from "../world/world.ts";

const resource = "persistentvolumeclaims";
const isDefault = "storageclass.kubernetes.io/is-default-class";

export function claims(world: World, gone: (uid: string) => void): Controller {
  return {
    name: "claims",
    concerns(event) {
      if (event.key.resource === "pods" && event.type === "DELETED") return claimsOf(event);
      if (event.key.resource !== resource) return [];
      if (event.type === "DELETED") {
        const { uid } = parseAny(event.object).metadata;
        gone(uid);
        world.store.remove({ resource: "persistentvolumes", namespace: "", name: `pvc-${uid}` });
      }
      return event.type === "DELETED" ? [] : [event.key];
    },
    reconcile: (key) => reconcile(world, key),
  };
}

function reconcile(world: World, key: ObjectKey): undefined {
  const claim = get(world.store, resource, key);
  if (claim?.metadata.deletionTimestamp !== undefined) {
    letGo(world, key);
    return;
  }
  if (claim === undefined || claim.status?.phase === "Bound") return;
  const known = classOf(world, claim.spec.storageClassName);
  if (known === undefined) {
    refuse(world, key);
    return;
  }
  const volume = isByHand(world, known) ? takeOne(world, known, claim) : `pvc-${claim.metadata.uid}`;
  // Somebody may make one yet.
  if (volume === undefined) return;
  const capacity = { storage: claim.spec.resources?.requests?.["storage"] ?? "1Gi" };
  const { accessModes = ["ReadWriteOnce"] } = claim.spec;
  if (!isByHand(world, known))
    world.store.put(
      { resource: "persistentvolumes", namespace: "", name: volume },
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: volume },
        spec: {
          capacity,
          accessModes,
          persistentVolumeReclaimPolicy: "Delete",
          storageClassName: known,
          claimRef: {
            kind: "PersistentVolumeClaim",
            namespace: key.namespace,
            name: key.name,
            uid: claim.metadata.uid,
          },
        },
        status: { phase: "Bound" },
      },
    );
  change(world.store, { ...key, resource }, (draft) => {
    draft.spec.volumeName = volume;
    draft.spec.storageClassName ??= known;
    draft.status = { phase: "Bound", accessModes, capacity };
  });
}

/** Of a class that makes no volumes: only those that somebody has made. */
function isByHand(world: World, known: string): boolean {
  const found = world.store
    .list("storageclasses.storage.k8s.io")
    .find(({ metadata }) => metadata.name === known);
  return found !== undefined && textAt(found, "provisioner") === "kubernetes.io/no-provisioner";
}

/** One of that class that nobody has taken; its name. */
function takeOne(world: World, known: string, claim: { readonly metadata: Meta }): string | undefined {
  const found = world.store
    .list("persistentvolumes")
    .find((one) => textAt(one, "spec", "storageClassName") === known && !isTaken(one));
  if (found === undefined) return undefined;
  const { namespace = "", name, uid } = claim.metadata;
  const claimRef = { kind: "PersistentVolumeClaim", namespace, name, uid };
  const spec = { ...objectAt(found, "spec"), claimRef };
  const key = { resource: "persistentvolumes", namespace: "", name: found.metadata.name };
  world.store.put(key, { ...found, spec, status: { phase: "Bound" } });
  return found.metadata.name;
}

function isTaken(volume: KubeObject): boolean {
  return textAt(volume, "spec", "claimRef", "uid") !== undefined;
}

function claimsOf(event: ObjectEvent): ObjectKey[] {
  return namesIn(parseKind("pods", event.object)).map((name) => ({ ...event.key, resource, name }));
}

function namesIn(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}

/** A claim that a pod still uses waits for it. */
function letGo(world: World, key: ObjectKey): void {
  const pods = list(world.store, "pods", key.namespace);
  if (pods.some((pod) => !hasEnded(pod) && namesIn(pod).includes(key.name))) return;
  dropFinalizer(world.store, key, "kubernetes.io/pvc-protection");
}

function classOf(world: World, named: string | undefined): string | undefined {
  const all = world.store.list("storageclasses.storage.k8s.io");
  const found =
    named === undefined
      ? all.find((one) => parseAny(one).metadata.annotations?.[isDefault] === "true")
      : all.find((one) => one.metadata.name === named);
  return found?.metadata.name;
}

function refuse(world: World, key: ObjectKey): void {
  const claim = get(world.store, resource, key);
  if (claim === undefined) return;
  const named = claim.spec.storageClassName;
  world.events.record({
    about: { ...claim, apiVersion: "v1", kind: "PersistentVolumeClaim" },
    ...(named === undefined
      ? {
          type: "Normal",
          reason: "FailedBinding",
          message: "no persistent volumes available for this claim and no storage class is set",
        }
      : {
          type: "Warning",
          reason: "ProvisioningFailed",
          message: `storageclass.storage.k8s.io "${named}" not found`,
        }),
    component: "persistentvolume-controller",
  });
}
