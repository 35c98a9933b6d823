import type { Instant, Scope, TenantId } from "@agentflow/protocol";

/** An API key as the table keeps it: written by us alone. */
export interface StoredKey {
  readonly v: 1;
  readonly kind: "key";
  readonly id: string;
  readonly name: string;
  readonly tenant: TenantId;
  readonly scopes: readonly Scope[];
  /** SHA-256 of the secret, lower-case hex. */
  readonly hash: string;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
}

export function parseKey(text: string): StoredKey {
  return JSON.parse(text) as StoredKey;
}
