/** Keeps `status.used` of each ResourceQuota true. */
import { amountText } from "./api/amounts.ts";
import { usedOf } from "./api/quota.ts";
import type { Registry } from "./api/resources.ts";
import type { Writes } from "./api/writes.ts";
import { clusterItself } from "./auth/users.ts";
import { objectAt, sameJson, textAt } from "./json.ts";
import type { Json, KubeObject } from "./object.ts";
import type { Store } from "./store.ts";

/** Answers with what ends it. */
export function keepQuotas(store: Store, registry: Registry, writes: Writes): () => void {
  let woken: NodeJS.Immediate | undefined;
  const look = () => {
    woken = undefined;
    for (const quota of store.list("resourcequotas")) count(store, registry, writes, quota);
  };
  const end = store.subscribe(() => {
    if (store.list("resourcequotas").length > 0) woken ??= setImmediate(look);
  });
  return () => {
    end();
    if (woken !== undefined) clearImmediate(woken);
  };
}

function count(store: Store, registry: Registry, writes: Writes, quota: KubeObject): void {
  const resource = registry.byId("resourcequotas");
  const namespace = textAt(quota, "metadata", "namespace") ?? "";
  const hard = objectAt(quota, "spec", "hard");
  const used: Record<string, Json> = {};
  for (const name of Object.keys(hard)) {
    const sum = usedOf(store, namespace, name);
    if (sum !== undefined) used[name] = amountText(name, sum);
  }
  const status = { hard, used };
  if (resource === undefined || sameJson(status, objectAt(quota, "status"))) return;
  const write = {
    user: clusterItself,
    resource,
    sub: "status",
    namespace,
    name: quota.metadata.name,
    manager: "kube-controller-manager",
    dryRun: false,
    force: false,
    fieldValidation: "Ignore",
    warn: () => undefined,
  };
  writes.update(write, { ...quota, status });
}
