/** Creating and deleting from within, with all that a client meets: defaults, admission, finalizers. */
import { remove } from "./api/deletes.ts";
import type { Registry, Resource } from "./api/resources.ts";
import type { Writes } from "./api/writes.ts";
import { clusterItself } from "./auth/users.ts";
import { textAt } from "./json.ts";
import type { JsonObject, KubeObject } from "./object.ts";
import { parseKubeObject } from "./parse.ts";
import type { ObjectKey, Store } from "./store.ts";

export interface LocalWriter {
  /** `resource` as the store names it. Throws a StatusError when the server refuses. */
  create(resource: string, namespace: string, object: JsonObject, manager?: string): KubeObject;
  remove(
    key: ObjectKey,
    removal: {
      readonly graceSeconds?: number;
      readonly propagation?: "Background" | "Foreground" | "Orphan";
    },
  ): void;
}

export function localWriter(store: Store, registry: Registry, writes: Writes): LocalWriter {
  const known = (id: string): Resource => {
    const found = registry.byId(id);
    if (found === undefined) throw new Error(`the test cluster has no resource ${id}`);
    return found;
  };
  return {
    create(resource, namespace, object, manager = "kube-controller-manager") {
      const { object: made } = writes.create(
        {
          user: clusterItself,
          resource: known(resource),
          sub: "",
          namespace,
          name: textAt(object, "metadata", "name") ?? "",
          manager,
          dryRun: false,
          force: false,
          fieldValidation: "Ignore",
          warn: () => undefined,
        },
        object,
      );
      return parseKubeObject(made);
    },
    remove(key, removal) {
      if (store.get(key) !== undefined) remove(store, known(key.resource), key, removal);
    },
  };
}
