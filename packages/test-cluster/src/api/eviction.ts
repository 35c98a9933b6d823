/** Evictions: a delete that a PodDisruptionBudget may refuse. */
import { at, listAt, numberAt, objectAt, textAt } from "../json.ts";
import type { JsonObject, KubeObject } from "../object.ts";
import type { Store } from "../store.ts";
import type { Call } from "./call.ts";
import { remove, removalOf } from "./deletes.ts";
import { notFound, StatusError } from "./status.ts";
import { keyOf } from "./writes.ts";

export class Evictions {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  evict(call: Call, body: JsonObject): JsonObject {
    const key = keyOf(call, call.name);
    const pod = this.#store.get(key);
    if (pod === undefined) throw notFound(call.resource, call.name);
    for (const budget of this.#store.list("poddisruptionbudgets.policy", call.namespace)) {
      if (covers(budget, pod)) this.#checkBudget(budget);
    }
    remove(this.#store, call.resource, key, removalOf(objectAt(body, "deleteOptions"), call.query));
    return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  }

  #checkBudget(budget: KubeObject): void {
    if ((numberAt(budget, "status", "disruptionsAllowed") ?? 0) > 0) return;
    const healthy = numberAt(budget, "status", "currentHealthy") ?? 0;
    const desired = numberAt(budget, "status", "desiredHealthy") ?? 0;
    const { name } = budget.metadata;
    const needed = `needs ${desired} healthy pods and has ${healthy} currently`;
    const message = `The disruption budget ${name} ${needed}`;
    const text = "Cannot evict pod as it would violate the pod's disruption budget.";
    throw new StatusError(429, "TooManyRequests", text, {
      causes: [{ reason: "DisruptionBudget", message }],
    });
  }
}

function covers(budget: KubeObject, pod: KubeObject): boolean {
  const labels = objectAt(pod, "metadata", "labels");
  const wanted = objectAt(budget, "spec", "selector", "matchLabels");
  if (at(budget, "spec", "selector") === undefined) return false;
  if (listAt(budget, "spec", "selector", "matchExpressions").length > 0) return false;
  return Object.entries(wanted).every(([key, value]) => textAt(labels, key) === value);
}
