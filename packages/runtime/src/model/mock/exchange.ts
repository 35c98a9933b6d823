import type { MaskedBody } from "./mask.ts";

/** One request and its answer, as they are kept: without keys. */
export interface Exchange {
  readonly v: 1;
  readonly kind: "exchange";
  readonly request: {
    readonly method: string;
    /** With the part of the query that is no key. */
    readonly path: string;
    readonly headers: { readonly [name: string]: string };
    readonly body: MaskedBody;
  };
  readonly response: {
    readonly status: number;
    readonly headers: { readonly [name: string]: string };
    readonly body: MaskedBody;
  };
}
