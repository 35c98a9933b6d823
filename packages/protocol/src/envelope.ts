/** What `--json` prints: one envelope, or for streams one line an item. A contract with scripts. */
import type { ErrorBody } from "./errors.ts";

export type Envelope<Data = unknown> = OkEnvelope<Data> | ErrorEnvelope;

/** The command did its work. A run that failed is its outcome: still ok, with the state in `data`. */
export interface OkEnvelope<Data = unknown> {
  readonly v: 1;
  readonly ok: true;
  readonly data: Data;
  readonly meta: { readonly [key: string]: unknown };
}

/** The command could not do its work. */
export interface ErrorEnvelope {
  readonly v: 1;
  readonly ok: false;
  readonly error: ErrorBody;
}

/** A line of a stream; what else stands in it depends on its kind. */
export interface StreamLine {
  readonly v: 1;
  readonly kind: string;
  readonly [key: string]: unknown;
}
