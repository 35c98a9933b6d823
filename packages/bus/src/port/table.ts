/** Table: a small compare-and-set map, for definition heads, shard leases, watermarks, worker presence. */
import type { Revision } from "./log.ts";

export interface Row {
  /** `[A-Za-z0-9_.-]{1,200}`; dots make the prefixes that `list` and `watch` take. */
  readonly key: string;
  readonly value: string;
  readonly revision: Revision;
}

export type Put =
  | { readonly ok: true; readonly revision: Revision }
  | { readonly ok: false; readonly reason: "wrong_revision"; readonly row: Row | undefined };

export interface Table {
  /** May lag behind writes of others, never behind this client's own. */
  get(key: string): Promise<Row | undefined>;
  /** `expect`: the row's revision, 0 for "no such row", "any" to overwrite. At most 256 KiB a value. */
  put(key: string, value: string, options: { readonly expect: Revision | "any" }): Promise<Put>;
  /** As `put`; a row that is not there counts as revision 0, and deleting it changes nothing. */
  delete(key: string, options: { readonly expect: Revision | "any" }): Promise<Put>;
  /** Every row whose key begins with `prefix`, by key, as current as `get`; at most 10,000, then
   *  `limit_exceeded`. */
  list(prefix: string): Promise<readonly Row[]>;
  /** The rows under `prefix` now, then each change (`value` undefined: deleted), in order. Ends with
   *  the signal; may throw `unavailable` when the connection is lost: watch again. */
  watch(prefix: string, signal: AbortSignal): AsyncIterable<readonly RowChange[]>;
}

export interface RowChange {
  readonly key: string;
  readonly value: string | undefined;
  readonly revision: Revision;
}

export const tableValueBytesMax = 256 * 1024;
