/** Whether the namespace has room for what is to be added to it. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { type Access, identityOf } from "./access.ts";
import { at, kindOf, nameOf, objectsAt, textsAt, titleOf } from "./reading.ts";
import { isWorkload } from "./seen.ts";

/** Counts what is not there yet; what is replaced has its room already. Refuses naming what is short. */
export async function checkQuota(access: Access, objects: readonly JsonObject[]): Promise<void> {
  const quotas = await quotasOf(access);
  if (quotas.length === 0) return;
  const wanted = objects.filter((one) => isWorkload({ kind: kindOf(one) }));
  const found = await Promise.all(
    wanted.map(async (one) => ((await access.get(identityOf(one))) === undefined ? [one] : [])),
  );
  const added = found.flat();
  const needs = needsOf(added);
  const short = quotas.flatMap((quota) => {
    const hard = textsAt(quota, "spec", "hard");
    const used = textsAt(quota, "status", "used");
    return Object.entries(hard).flatMap(([resource, limit]) => {
      const need = needs.get(resource) ?? 0;
      const room = quantity(limit) - quantity(used[resource] ?? "0");
      if (need === 0 || need <= room) return [];
      const left = `${shown(resource, room)} left of ${limit}`;
      return [`${nameOf(quota)}: ${resource} ${shown(resource, need)} wanted, ${left}`];
    });
  });
  if (short.length === 0) return;
  throw new AgentFlowError(
    "refused",
    `the quota of namespace ${access.namespace} has no room: ${short.join("; ")}`,
    {
      reason: "quota_exceeded",
      details: { short, for: added.map(titleOf) },
      suggestions: [
        "fewer or smaller copies: workers, limits of the target in agentflow.yaml",
        "or a larger quota; nothing was changed",
      ],
    },
  );
}

async function quotasOf(access: Access): Promise<readonly JsonObject[]> {
  try {
    return await access.list({ apiVersion: "v1", kind: "ResourceQuota" });
  } catch (error) {
    // Who may not read quotas learns of them when pods are made.
    if (AgentFlowError.is(error) && (error.code === "forbidden" || error.reason === "api_not_served"))
      return [];
    throw error;
  }
}

/** By the names that a quota has for them. */
export function needsOf(objects: readonly JsonObject[]): ReadonlyMap<string, number> {
  const needs = new Map<string, number>();
  const add = (name: string, value: number): void => void needs.set(name, (needs.get(name) ?? 0) + value);
  for (const object of objects) {
    const told = at(object, "spec", "replicas");
    const copies = typeof told === "number" ? told : 1;
    add("pods", copies);
    add("count/pods", copies);
    for (const container of objectsAt(object, "spec", "template", "spec", "containers")) {
      for (const kind of ["requests", "limits"]) {
        for (const [resource, amount] of Object.entries(textsAt(container, "resources", kind))) {
          add(`${kind}.${resource}`, quantity(amount) * copies);
          if (kind === "requests") add(resource, quantity(amount) * copies);
        }
      }
    }
    for (const claim of objectsAt(object, "spec", "volumeClaimTemplates")) {
      add("persistentvolumeclaims", copies);
      const size = textsAt(claim, "spec", "resources", "requests")["storage"] ?? "0";
      add("requests.storage", quantity(size) * copies);
    }
  }
  return needs;
}

const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1_024,
  Mi: 1_024 ** 2,
  Gi: 1_024 ** 3,
  Ti: 1_024 ** 4,
};

/** `500m`, `2Gi`, `1e3`. */
export function quantity(text: string): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]{0,2})$/.exec(text);
  return match === null ? 0 : Number(match[1]) * (units[match[2] ?? ""] ?? 1);
}

function shown(resource: string, value: number): string {
  if (/memory|storage/.test(resource)) return `${Math.round(value / 1_024 ** 2)}Mi`;
  return String(Math.round(value * 1_000) / 1_000);
}
