/** The OpenAPI documents that were recorded, read when the first object of their group comes by. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Json } from "../object.ts";

/** The words of OpenAPI that these documents use. */
export interface Written {
  readonly $ref?: string;
  readonly allOf?: readonly Written[];
  readonly oneOf?: readonly Written[];
  readonly type?: string;
  readonly format?: string;
  readonly default?: Json;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Written>>;
  readonly additionalProperties?: Written;
  readonly items?: Written;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

export type Document = Readonly<Record<string, Written>>;

const folder = join(import.meta.dirname, "../../fixtures/transcripts/openapi");

/** The schemas of one group and version, by name; undefined when nothing was recorded of it. */
export function parseDocument(group: string, version: string): Document | undefined {
  const name = `${group === "" ? "core" : group}-${version}.json`;
  const plain = join(folder, name);
  if (existsSync(plain)) return schemasOf(readFileSync(plain));
  const packed = join(folder, `${name}.gz`);
  return existsSync(packed) ? schemasOf(gunzipSync(readFileSync(packed))) : undefined;
}

function schemasOf(bytes: Buffer): Document {
  const read = JSON.parse(bytes.toString("utf8")) as { components: { schemas: Document } };
  return read.components.schemas;
}
