/** What the parts of the server have in common: objects by kind, each change with a version of its own. */
import type { JsonObject, KubeObject } from "./object.ts";

export interface ObjectKey {
  /** Plural and group, as in `deployments.apps`, `pods`. */
  readonly resource: string;
  /** Empty for what belongs to the whole cluster. */
  readonly namespace: string;
  readonly name: string;
}

export interface ObjectEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly key: ObjectKey;
  /** As it is now; for DELETED as it was last, with the version of its removal. */
  readonly object: KubeObject;
  /** Before this change. */
  readonly before?: KubeObject;
  readonly version: number;
}

/**
 * Synchronous: who reads and then writes without an await between has a transaction. `metadata` of what is
 * kept has uid, creationTimestamp and resourceVersion; a write that changes nothing keeps the version.
 */
export interface Store {
  readonly version: number;
  get(key: ObjectKey): KubeObject | undefined;
  /** In order of namespace and name. All namespaces when none is named. */
  list(resource: string, namespace?: string): readonly KubeObject[];
  /** Makes or replaces it; what it answers is what is kept. */
  put(key: ObjectKey, object: JsonObject): KubeObject;
  remove(key: ObjectKey): KubeObject | undefined;
  /** Called for each change, in order, within the write. Answers with what ends it. */
  subscribe(listener: (event: ObjectEvent) => void): () => void;
  /** Changes since that version, oldest first; undefined when they are no longer kept. */
  since(version: number): readonly ObjectEvent[] | undefined;
}
