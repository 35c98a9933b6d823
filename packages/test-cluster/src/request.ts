/** What is asked of one object, and what comes of it. */
import type { JsonObject, KubeObject } from "./object.ts";
import { notFound, type Named, type Status } from "./refusal.ts";

export interface Kind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** In plural, as in the path: `deployments`. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** Of a CustomResourceDefinition: no schema, a generation, a status that only its own door writes. */
  readonly custom?: boolean;
}

export interface Ask {
  readonly kind: Kind;
  /** Of the path; empty for what belongs to the whole cluster. */
  readonly namespace: string;
  /** Of the path; empty for a POST. */
  readonly name: string;
  /** Through `scale` comes the whole object, with other replicas. */
  readonly subresource?: "status" | "scale";
  /** `fieldManager`, or what stands before the `/` of the user agent. Empty is refused by an apply only. */
  readonly manager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  readonly force?: boolean;
}

export type Answer =
  | {
      readonly ok: true;
      readonly code: 200 | 201;
      /** With the resourceVersion of the live object: the store gives a new one when it is `changed`. */
      readonly object: KubeObject;
      /** False: nothing is to be written, the resourceVersion stays. */
      readonly changed: boolean;
      /** Texts for `Warning: 299 - "…"`. */
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly status: Status };

export function apiVersionOf(kind: Kind): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

/** As Status objects about validity name it: by kind. */
export function namedByKind(ask: Ask, name = ask.name): Named {
  return { group: ask.kind.group, kind: ask.kind.kind, name };
}

/** As most other Status objects name it: by its plural. */
export function namedByResource(ask: Ask, name = ask.name): Named {
  return { group: ask.kind.group, kind: ask.kind.resource, name };
}

export function liveOrMissing(ask: Ask, live: JsonObject | undefined): JsonObject {
  if (live === undefined) throw notFound(namedByResource(ask));
  return live;
}
