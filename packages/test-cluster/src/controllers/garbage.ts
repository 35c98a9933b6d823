/** The garbage collector: what has lost its owners goes; an owner that is being deleted waits, or lets go. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { KubeObject } from "../object.ts";
import type { Controller } from "../world/loop.ts";
import { type Meta, type OwnerReference, parseAny, parseCopy, parseObject } from "../world/parse-kinds.ts";
import { dropFinalizer, type World } from "../world/world.ts";

export interface Garbage {
  /** Plurals with groups of everything that may be owned. */
  readonly resources: () => readonly string[];
}

interface Found {
  readonly key: ObjectKey;
  readonly metadata: Meta;
}

export function garbageCollector(world: World, { resources }: Garbage): Controller {
  const all = (namespace: string): Found[] =>
    resources().flatMap((resource) =>
      world.store
        .list(resource, namespace === "" ? undefined : namespace)
        .map((object) => found(resource, object)),
    );
  return {
    name: "garbage",
    concerns: (event) => concerned(event, all),
    reconcile: (key) => reconcile(world, key, all),
  };
}

function found(resource: string, object: KubeObject): Found {
  const { metadata } = parseAny(object);
  return { key: { resource, namespace: metadata.namespace ?? "", name: metadata.name }, metadata };
}

type All = (namespace: string) => readonly Found[];

function concerned(event: ObjectEvent, all: All): ObjectKey[] {
  if (event.key.resource === "events") return [];
  const { metadata } = parseAny(event.object);
  const dependents = () =>
    all(event.key.namespace)
      .filter((one) => ownerWith(one.metadata, metadata.uid) !== undefined)
      .map((one) => one.key);
  if (event.type === "DELETED") {
    const owners = (metadata.ownerReferences ?? []).map((owner) => keyOf(owner, event.key.namespace));
    return [...dependents(), ...owners.filter((key) => key !== undefined)];
  }
  if (event.type === "ADDED" && metadata.ownerReferences !== undefined) return [event.key];
  const marked = metadata.finalizers?.some((one) => one === "foregroundDeletion" || one === "orphan");
  return metadata.deletionTimestamp !== undefined && marked === true ? [event.key] : [];
}

const plurals: Readonly<Record<string, string>> = {
  Deployment: "deployments.apps",
  ReplicaSet: "replicasets.apps",
  StatefulSet: "statefulsets.apps",
  Job: "jobs.batch",
  CronJob: "cronjobs.batch",
  DaemonSet: "daemonsets.apps",
  Pod: "pods",
  Service: "services",
  ConfigMap: "configmaps",
  Secret: "secrets",
};

function keyOf(owner: OwnerReference, namespace: string): ObjectKey | undefined {
  const resource = plurals[owner.kind];
  return resource === undefined ? undefined : { resource, namespace, name: owner.name };
}

function ownerWith(metadata: Meta, uid: string): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.uid === uid);
}

function reconcile(world: World, key: ObjectKey, all: All): undefined {
  const object = world.store.get(key);
  if (object === undefined) return;
  const { metadata } = parseAny(object);
  if (metadata.deletionTimestamp !== undefined) {
    const dependents = all(key.namespace).filter(
      (one) => ownerWith(one.metadata, metadata.uid) !== undefined,
    );
    if (metadata.finalizers?.includes("orphan")) letGo(world, key, metadata, dependents);
    else if (metadata.finalizers?.includes("foregroundDeletion")) waitFor(world, key, dependents);
    return;
  }
  const owners = metadata.ownerReferences ?? [];
  if (owners.length === 0 || owners.some((owner) => exists(world, owner, key.namespace))) return;
  world.writer.remove(key, { propagation: "Background" });
}

function exists(world: World, owner: OwnerReference, namespace: string): boolean {
  const key = keyOf(owner, namespace);
  // Of a kind that is not known here nothing can be said: it stays.
  if (key === undefined) return true;
  const object = world.store.get(key);
  return object !== undefined && parseAny(object).metadata.uid === owner.uid;
}

function letGo(world: World, key: ObjectKey, owner: Meta, dependents: readonly Found[]): void {
  for (const { key: at } of dependents) {
    const object = world.store.get(at);
    if (object === undefined) continue;
    const draft = parseCopy(object);
    const { metadata } = parseAny(draft);
    const left = (metadata.ownerReferences ?? []).filter((one) => one.uid !== owner.uid);
    metadata.ownerReferences = left.length > 0 ? left : undefined;
    world.store.put(at, parseObject(draft));
  }
  dropFinalizer(world.store, key, "orphan");
}

/** Dependents go first, each in its own foreground; the owner when the last that holds it has gone. */
function waitFor(world: World, key: ObjectKey, dependents: readonly Found[]): void {
  for (const { key: at, metadata } of dependents) {
    if (metadata.deletionTimestamp === undefined) world.writer.remove(at, { propagation: "Foreground" });
  }
  const owner = world.store.get(key);
  if (owner === undefined) return;
  const { uid } = parseAny(owner).metadata;
  const left = dependents.filter(
    ({ key: at, metadata }) =>
      world.store.get(at) !== undefined && ownerWith(metadata, uid)?.blockOwnerDeletion === true,
  );
  if (left.length === 0) dropFinalizer(world.store, key, "foregroundDeletion");
}
