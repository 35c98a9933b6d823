/**
 * API keys: `af_live_<key id>_<secret>_<checksum>`. Only the SHA-256 of the secret is kept (it is 32 random
 * bytes,
 * so nothing slower is needed); a wrong checksum is refused without a look-up.
 */
import type { Table } from "@agentflow/bus";
import type { Clock, Random } from "@agentflow/host/clock";
import {
  AgentFlowError,
  type Instant,
  type Scope,
  type TenantId,
  defaultTenant,
  instant,
  isId,
  scopes,
  unixMs,
} from "@agentflow/protocol";
import { createHash, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import { type StoredKey, parseKey } from "./parse-key.ts";
import { type Principal, unauthenticated } from "./principal.ts";

export type KeyView = Omit<StoredKey, "hash" | "v" | "kind">;

export interface Keys {
  /** The key's text is given once, here, and never again. */
  create(options: NewKey): Promise<{ readonly key: string; readonly view: KeyView }>;
  list(tenant: TenantId): Promise<readonly KeyView[]>;
  /** Works nowhere any more within `keyCacheMs`. */
  revoke(tenant: TenantId, id: string): Promise<void>;
  authenticate(key: string): Promise<Principal>;
}

export interface NewKey {
  readonly name: string;
  readonly tenant: TenantId;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Instant;
}

export const keyCacheMs = 3_000;
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const keyPattern = /^af_live_([0-9a-z]{12})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/;

export function createKeys(options: { table: Table; clock: Clock; random: Random }): Keys {
  const { table, clock, random } = options;
  const cache = new Map<string, { readonly stored: StoredKey | undefined; readonly atMs: number }>();
  const rowOf = (id: string): string => `key.${id}`;
  const load = async (id: string): Promise<StoredKey | undefined> => {
    const cached = cache.get(id);
    // Not by the wall clock: set back, it would keep a revoked key alive.
    if (cached !== undefined && clock.monotonic() - cached.atMs < keyCacheMs) return cached.stored;
    const row = await table.get(rowOf(id));
    const stored = row === undefined ? undefined : parseKey(row.value);
    if (cache.size >= 1_000) cache.clear();
    cache.set(id, { stored, atMs: clock.monotonic() });
    return stored;
  };
  return {
    async create({ name, tenant, scopes: wanted, expiresAt }) {
      const id = encode62(random.bytes(12)).toLowerCase();
      const secret = encode62(random.bytes(43));
      const stored: StoredKey = {
        v: 1,
        kind: "key",
        id,
        name,
        tenant,
        scopes: wanted,
        hash: sha256(secret),
        createdAt: instant(clock.now()),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      const put = await table.put(rowOf(id), JSON.stringify(stored), { expect: 0 });
      if (!put.ok) throw new AgentFlowError("conflict", "the key's id is taken; ask again");
      const head = `af_live_${id}_${secret}`;
      return { key: `${head}_${checksum(head)}`, view: viewOf(stored) };
    },
    async list(tenant) {
      const rows = await table.list("key.");
      return rows
        .map((row) => parseKey(row.value))
        .filter((key) => key.tenant === tenant)
        .map(viewOf);
    },
    async revoke(tenant, id) {
      const stored = isId("source", id) ? await load(id) : undefined;
      if (stored === undefined || stored.tenant !== tenant) {
        throw new AgentFlowError("not_found", `there is no key ${JSON.stringify(id.slice(0, 40))}`);
      }
      await table.delete(rowOf(id), { expect: "any" });
      cache.delete(id);
    },
    async authenticate(key) {
      const [, id = "", secret = "", sum = ""] = keyPattern.exec(key) ?? [];
      if (id === "" || checksum(key.slice(0, key.lastIndexOf("_"))) !== sum)
        throw unauthenticated("the key is not valid");
      const stored = await load(id);
      if (stored === undefined || !sameHash(stored.hash, sha256(secret)))
        throw unauthenticated("the key is not valid");
      if (stored.expiresAt !== undefined && unixMs(stored.expiresAt) <= clock.now()) {
        throw unauthenticated("the key has expired");
      }
      return { tenant: stored.tenant, name: `key:${id}`, scopes: new Set(stored.scopes) };
    },
  };
}

/** The token that `af dev` makes for this machine's user: every scope of the default tenant. */
export function localPrincipal(): Principal {
  return { tenant: defaultTenant, name: "local", scopes: new Set(scopes) };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Compares two hex digests without telling by time where they differ. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function viewOf(stored: StoredKey): KeyView {
  const { hash: _hash, v: _v, kind: _kind, ...view } = stored;
  return view;
}

function checksum(text: string): string {
  let value = crc32(text);
  let out = "";
  for (let i = 0; i < 6; i++) {
    out = base62.charAt(value % 62) + out;
    value = Math.floor(value / 62);
  }
  return out;
}

/**
 * Letters and digits; the slight favour of `% 62` costs a hundredth of a bit each, of more than 250 in all.
 */
function encode62(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += base62.charAt(byte % 62);
  return out;
}
