/** ResourceQuota: what is used in a namespace, and what would be too much. */
import { listAt, objectAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import type { Store } from "../store.ts";
import { amountAt, amountText } from "./amounts.ts";
import type { Write } from "./change.ts";
import { forbidden } from "./status.ts";

/** Names in `hard` that count objects; `count/deployments.apps` counts any kind. */
const counted = ["pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "resourcequotas"];
/** Names in `hard` that add up what the containers of pods ask for. */
const summed: Readonly<Record<string, readonly [string, string]>> = {
  cpu: ["requests", "cpu"],
  memory: ["requests", "memory"],
  "requests.cpu": ["requests", "cpu"],
  "requests.memory": ["requests", "memory"],
  "limits.cpu": ["limits", "cpu"],
  "limits.memory": ["limits", "memory"],
};

/** Undefined for names that this server does not count. */
export function usedOf(store: Store, namespace: string, name: string): number | undefined {
  const kind = name.startsWith("count/") ? name.slice("count/".length) : name;
  if (name.startsWith("count/") || counted.includes(kind)) {
    const found = store.list(kind, namespace);
    return kind === "pods" ? found.filter(isLive).length : found.length;
  }
  if (summed[name] === undefined) return undefined;
  return store
    .list("pods", namespace)
    .filter(isLive)
    .reduce((sum, pod) => sum + askedBy(pod, name), 0);
}

export function checkQuota(store: Store, write: Write, object: JsonObject): void {
  for (const quota of store.list("resourcequotas", write.namespace)) {
    if (write.namespace === "") return;
    const hard = objectAt(quota, "spec", "hard");
    const { name } = quota.metadata;
    const asked = Object.keys(hard).filter((one) => addsTo(write, one));
    const silent = asked.filter((one) => one in summed && isSilent(object, one));
    const refuse = (why: string) => forbidden(write.resource, textAt(object, "metadata", "name") ?? "", why);
    if (silent.length > 0) {
      const told = silent.map((one) => `${one} for: ${missing(object, one)}`);
      throw refuse(`failed quota: ${name}: must specify ${told.join("; ")}`);
    }
    const over = asked.filter(
      (one) => usedAfter(store, write, object, one) > (amountAt(hard, one) ?? Infinity),
    );
    if (over.length === 0) continue;
    const list = (of: (one: string) => number) =>
      over.map((one) => `${one}=${amountText(one, of(one))}`).join(",");
    const requested = list((one) => (one in summed ? askedBy(object, one) : 1));
    const used = list((one) => usedOf(store, write.namespace, one) ?? 0);
    const limited = list((one) => amountAt(hard, one) ?? 0);
    throw refuse(`exceeded quota: ${name}, requested: ${requested}, used: ${used}, limited: ${limited}`);
  }
}

function addsTo(write: Write, name: string): boolean {
  const { id } = write.resource;
  return (
    name === `count/${id}` || (name === id && counted.includes(name)) || (id === "pods" && name in summed)
  );
}

function usedAfter(store: Store, write: Write, object: JsonObject, name: string): number {
  const more = name in summed ? askedBy(object, name) : 1;
  return (usedOf(store, write.namespace, name) ?? 0) + more;
}

function askedBy(pod: Json, name: string): number {
  const [kind, what] = summed[name] ?? ["", ""];
  return listAt(pod, "spec", "containers").reduce(
    (sum: number, one) => sum + (amountAt(one, "resources", kind, what) ?? 0),
    0,
  );
}

function without(pod: JsonObject, name: string): readonly Json[] {
  const [kind, what] = summed[name] ?? ["", ""];
  return listAt(pod, "spec", "containers").filter(
    (one) => amountAt(one, "resources", kind, what) === undefined,
  );
}

function isSilent(pod: JsonObject, name: string): boolean {
  return without(pod, name).length > 0;
}

function missing(pod: JsonObject, name: string): string {
  return without(pod, name)
    .map((one) => textAt(one, "name") ?? "")
    .join(",");
}

function isLive(pod: Json): boolean {
  const phase = textAt(pod, "status", "phase");
  return phase !== "Succeeded" && phase !== "Failed";
}
