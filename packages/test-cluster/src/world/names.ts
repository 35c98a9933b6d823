/** Names as controllers make them. */
import { createHash, randomBytes } from "node:crypto";
import type { Meta, OwnerReference } from "./parse-kinds.ts";

/** Letters and digits that cannot be mistaken for each other, nor make a word. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

export function randomSuffix(): string {
  return [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join("");
}

/** Stable for one template: what names a ReplicaSet and a revision of a StatefulSet. */
export function templateHash(template: unknown): string {
  const digest = createHash("sha256").update(canonical(template)).digest();
  return [...digest.subarray(0, 10)].map((byte) => alphabet[byte % alphabet.length]).join("");
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${entries
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, one]) => `${key}:${canonical(one)}`)
    .join()}}`;
}

export function controllerOf(metadata: Meta): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller === true);
}

export function ownedBy(metadata: Meta, owner: { readonly metadata: Meta }): boolean {
  return controllerOf(metadata)?.uid === owner.metadata.uid;
}

export function ownerReference(owner: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Meta;
}): OwnerReference {
  const { name, uid } = owner.metadata;
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
