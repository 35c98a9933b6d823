import { randomUUID } from "node:crypto";
import { sameJson, textAt, withMetadata } from "../json.ts";
import type { JsonObject, KubeObject } from "../object.ts";
import { parseKubeObject } from "../parse.ts";
import type { ObjectEvent, ObjectKey, Store } from "../store.ts";

export interface MemoryStoreOptions {
  /** How many changes are remembered for watches; older versions are answered with 410. */
  readonly changesKept?: number;
}

/** So that version 1 is already too old, as on any cluster that has lived a while. */
const firstVersion = 1000;

export class MemoryStore implements Store {
  #version = firstVersion;
  #oldest = firstVersion;
  readonly #changesKept: number;
  readonly #kept = new Map<string, Map<string, KubeObject>>();
  readonly #changes: ObjectEvent[] = [];
  readonly #listeners = new Set<(event: ObjectEvent) => void>();

  constructor(options: MemoryStoreOptions = {}) {
    this.#changesKept = options.changesKept ?? 2000;
  }

  get version(): number {
    return this.#version;
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#kept.get(key.resource)?.get(pathOf(key));
  }

  list(resource: string, namespace?: string): readonly KubeObject[] {
    const all = [...(this.#kept.get(resource) ?? new Map<string, KubeObject>())];
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    return all
      .filter(([path]) => path.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  put(key: ObjectKey, object: JsonObject): KubeObject {
    const before = this.get(key);
    const named = withMetadata(object, identity(key, object, before));
    if (
      before !== undefined &&
      sameJson(withMetadata(named, { resourceVersion: versionOf(before) }), before)
    ) {
      return before;
    }
    this.#version++;
    const kept = parseKubeObject(withMetadata(named, { resourceVersion: String(this.#version) }));
    const ofKind = this.#kept.get(key.resource) ?? new Map<string, KubeObject>();
    this.#kept.set(key.resource, ofKind.set(pathOf(key), kept));
    const type = before === undefined ? "ADDED" : "MODIFIED";
    this.#tell({
      type,
      key,
      object: kept,
      version: this.#version,
      ...(before === undefined ? {} : { before }),
    });
    return kept;
  }

  remove(key: ObjectKey): KubeObject | undefined {
    const before = this.get(key);
    if (before === undefined) return undefined;
    this.#kept.get(key.resource)?.delete(pathOf(key));
    this.#version++;
    const object = parseKubeObject(withMetadata(before, { resourceVersion: String(this.#version) }));
    this.#tell({ type: "DELETED", key, object, before, version: this.#version });
    return object;
  }

  subscribe(listener: (event: ObjectEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  since(version: number): readonly ObjectEvent[] | undefined {
    if (version < this.#oldest) return undefined;
    return this.#changes.filter((change) => change.version > version);
  }

  /** As after a compaction: nothing before this version can be asked for any more. */
  compact(version: number): void {
    this.#oldest = Math.max(this.#oldest, Math.min(version, this.#version));
    while ((this.#changes[0]?.version ?? Infinity) <= this.#oldest) this.#changes.shift();
  }

  #tell(event: ObjectEvent): void {
    this.#changes.push(event);
    if (this.#changes.length > this.#changesKept)
      this.#oldest = this.#changes.shift()?.version ?? this.#oldest;
    for (const listener of this.#listeners) listener(event);
  }
}

function pathOf(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
}

function versionOf(object: KubeObject): string {
  return textAt(object, "metadata", "resourceVersion") ?? "";
}

function identity(key: ObjectKey, object: JsonObject, before: KubeObject | undefined) {
  const uid = textAt(before, "metadata", "uid") ?? textAt(object, "metadata", "uid") ?? randomUUID();
  const made =
    textAt(before, "metadata", "creationTimestamp") ??
    textAt(object, "metadata", "creationTimestamp") ??
    new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const namespace = key.namespace === "" ? undefined : key.namespace;
  return { name: key.name, namespace, uid, creationTimestamp: made };
}
