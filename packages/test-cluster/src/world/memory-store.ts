/** A store in memory alone, without a server in front of it: for tests of what works behind one. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../object.ts";
import type { ObjectEvent, ObjectKey, Store } from "../store.ts";
import { parseAny, parseObject } from "./parse-kinds.ts";

export function memoryStore(): Store {
  const objects = new Map<string, KubeObject>();
  const events: ObjectEvent[] = [];
  const listeners = new Set<(event: ObjectEvent) => void>();
  let version = 0;
  const tell = (event: ObjectEvent) => {
    events.push(event);
    for (const listener of listeners) listener(event);
  };
  return {
    get version() {
      return version;
    },
    get: (key) => objects.get(idOf(key)),
    list: (resource, namespace) =>
      [...objects.entries()]
        .filter(([id]) => id.startsWith(`${resource}/${namespace === undefined ? "" : `${namespace}/`}`))
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([, object]) => object),
    put(key, object) {
      const before = objects.get(idOf(key));
      const after = parseObject(object);
      const { metadata } = parseAny(after);
      metadata.name = key.name;
      if (key.namespace !== "") metadata.namespace = key.namespace;
      metadata.uid ??= randomUUID();
      metadata.creationTimestamp ??= new Date().toISOString();
      metadata.generation ??= 1;
      if (before !== undefined && isDeepStrictEqual(before, after)) return before;
      version += 1;
      metadata.resourceVersion = String(version);
      objects.set(idOf(key), after);
      tell({
        type: before === undefined ? "ADDED" : "MODIFIED",
        key,
        object: after,
        ...(before && { before }),
        version,
      });
      return after;
    },
    remove(key) {
      const before = objects.get(idOf(key));
      if (before === undefined) return undefined;
      objects.delete(idOf(key));
      version += 1;
      tell({ type: "DELETED", key, object: before, before, version });
      return before;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    since: (from) => events.filter((event) => event.version > from),
  };
}

function idOf(key: ObjectKey): string {
  return `${key.resource}/${key.namespace}/${key.name}`;
}
