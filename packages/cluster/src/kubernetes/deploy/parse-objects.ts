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

/** Written by an af of now or before; undefined when it is damaged. */
export function parseRevisionBody(text: string): RevisionBody | undefined {
  try {
    const body = JSON.parse(text) as Partial<RevisionBody>;
    if (typeof body.build !== "string" || !Array.isArray(body.objects)) return undefined;
    return { build: body.build, version: body.version ?? "", objects: body.objects as JsonObject[] };
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

export function parseInventory(text: string): readonly InventoryEntry[] {
  try {
    const entries = JSON.parse(text) as unknown;
    if (!Array.isArray(entries)) return [];
    return (entries as Partial<InventoryEntry>[]).flatMap(({ apiVersion, kind, name, build }) => {
      if (apiVersion === undefined || kind === undefined || name === undefined) return [];
      return [{ apiVersion, kind, name, ...(build === undefined ? {} : { build }) }];
    });
  } catch {
    return [];
  }
}

/** Of a revision: it was one when it was written. */
export function parseKubernetesObject(object: JsonObject): KubernetesObject {
  return object as KubernetesObject;
}
