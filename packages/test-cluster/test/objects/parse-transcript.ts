/** Exchanges that were recorded with a real API server, as they lie in the fixtures. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Json, JsonObject } from "../../src/object.ts";

export interface Exchange {
  readonly file: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query?: Readonly<Record<string, string>> | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Json;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Json;
    /** Of a watch. */
    readonly stream?: readonly { readonly type: string; readonly object: Json }[];
  };
}

const fixtures = join(import.meta.dirname, "../../fixtures/transcripts");

/** One folder, in order. */
export function transcripts(folder: string): readonly Exchange[] {
  return readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => {
      const read = JSON.parse(readFileSync(join(fixtures, folder, name), "utf8")) as Exchange;
      return { ...read, file: `${folder}/${name}` };
    })
    .filter((one) => "request" in one && "response" in one);
}

export function asObject(value: Json | undefined): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return value as JsonObject;
}

export function parseObject(text: string): JsonObject {
  return asObject(JSON.parse(text) as Json);
}
