/** Between objects as we write them, plain JSON, and what a revision keeps. */
import type { JsonObject } from "@agentflow/protocol";
import type { KubernetesObject } from "../object.ts";

/** Keys without a value are gone, as they are when it is sent. */
export function plainObject(object: KubernetesObject): JsonObject {
  return JSON.parse(JSON.stringify(object)) as JsonObject;
}

export interface RevisionBody {
  readonly build: string;
  readonly version: string;
  readonly objects: readonly JsonObject[];
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Written by an af of now or before; undefined when it is damaged. */
export function parseRevisionBody(text: string): RevisionBody | undefined {
  try {
    const { build, version, objects } = (JSON.parse(text) ?? {}) as { readonly [key: string]: unknown };
    if (typeof build !== "string" || !Array.isArray(objects) || !objects.every(isRecord)) return undefined;
    return { build, version: typeof version === "string" ? version : "", objects: objects as JsonObject[] };
  } catch {
    return undefined;
  }
}

export interface InventoryEntry {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Of workers that are not of the newest build; they go when that build is drained. */
  readonly build?: string;
}

/** More than any release of which a ConfigMap can hold a list in earnest. */
const entriesMax = 2_000;

export function parseInventory(text: string): readonly InventoryEntry[] {
  try {
    const entries = JSON.parse(text) as unknown;
    if (!Array.isArray(entries)) return [];
    return (entries.slice(0, entriesMax) as unknown[]).flatMap((entry) => {
      const { apiVersion, kind, name, build } = (entry ?? {}) as Record<string, unknown>;
      if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof name !== "string") return [];
      return [{ apiVersion, kind, name, ...(typeof build === "string" ? { build } : {}) }];
    });
  } catch {
    return [];
  }
}

/** Of a revision: it was one when it was written. */
export function parseKubernetesObject(object: JsonObject): KubernetesObject {
  return object as KubernetesObject;
}
