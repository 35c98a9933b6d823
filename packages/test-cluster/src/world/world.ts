/** What controllers, scheduler and kubelet share: the objects, the clock, and how one creates and changes. */
import { isDeepStrictEqual } from "node:util";
import type { JsonObject, KubeObject } from "../object.ts";
import type { ObjectKey, Store } from "../store.ts";
import type { Time } from "./time.ts";
import {
  type Kinds,
  type KnownResource,
  parseAny,
  parseCopy,
  parseKind,
  parseObject,
} from "./parse-kinds.ts";
import type { Recorder } from "./recorder.ts";

export interface Removal {
  readonly graceSeconds?: number;
  readonly propagation?: "Background" | "Foreground" | "Orphan";
}

/** Creating and deleting as a client of the API server does it: defaults, admission, grace, finalizers. */
export interface Writer {
  /** Throws an Error with the message of the server when it refuses. */
  create(resource: string, namespace: string, object: JsonObject): KubeObject;
  remove(key: ObjectKey, removal: Removal): void;
}

export interface World {
  readonly store: Store;
  readonly writer: Writer;
  readonly events: Recorder;
  readonly time: Time;
  /** When something was first seen, in seconds of the cluster. */
  readonly marks: Map<string, number>;
}

export function get<R extends KnownResource>(
  store: Store,
  resource: R,
  at: { readonly namespace: string; readonly name: string },
): Kinds[R] | undefined {
  const object = store.get({ resource, namespace: at.namespace, name: at.name });
  return object === undefined ? undefined : parseKind(resource, object);
}

export function list<R extends KnownResource>(store: Store, resource: R, namespace?: string): Kinds[R][] {
  return store.list(resource, namespace).map((object) => parseKind(resource, object));
}

/** Changes a copy and keeps it when it differs; a change of spec is a new generation. */
export function change<R extends KnownResource>(
  store: Store,
  at: { readonly resource: R; readonly namespace: string; readonly name: string },
  edit: (draft: Kinds[R]) => void,
): Kinds[R] | undefined {
  const before = store.get(at);
  if (before === undefined) return undefined;
  const draft = parseCopy(before);
  edit(parseKind(at.resource, draft));
  const after = parseObject(draft);
  if (isDeepStrictEqual(before, after)) return parseKind(at.resource, before);
  const seen = parseAny(after);
  if (!isDeepStrictEqual(before["spec"], after["spec"]) && seen.metadata.generation !== undefined) {
    seen.metadata.generation += 1;
  }
  return parseKind(at.resource, store.put(at, after));
}

/** When this was first asked for, in seconds of the cluster. */
export function markOf(world: World, what: string): number {
  const known = world.marks.get(what);
  if (known !== undefined) return known;
  const now = world.time.seconds();
  world.marks.set(what, now);
  return now;
}

/** Takes a finalizer off; who was only held by it goes. */
export function dropFinalizer(store: Store, key: ObjectKey, finalizer: string): void {
  const before = store.get(key);
  if (before === undefined) return;
  const draft = parseCopy(before);
  const { metadata } = parseAny(draft);
  const left = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
  if (left.length === metadata.finalizers?.length || metadata.finalizers === undefined) return;
  metadata.finalizers = left.length > 0 ? left : undefined;
  store.put(key, parseObject(draft));
  const finished = key.resource !== "pods" || metadata.deletionGracePeriodSeconds === 0;
  if (left.length === 0 && metadata.deletionTimestamp !== undefined && finished) store.remove(key);
}
