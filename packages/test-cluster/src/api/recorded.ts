/** The recordings of a real server, of which discovery and OpenAPI documents are taken as they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { at } from "../json.ts";
import type { Json } from "../object.ts";
import { parseJson } from "../parse.ts";

const root = join(import.meta.dirname, "..", "..", "fixtures", "transcripts");

/** The body of a recorded answer. */
export function recordedBody(file: string): Json {
  return at(parseJson(readFileSync(join(root, `${file}.json`), "utf8")), "response", "body") ?? null;
}

export function recordedFile(file: string): Json {
  return parseJson(readFileSync(join(root, `${file}.json`), "utf8"));
}

/** An OpenAPI document as it was served. `group` is `apps-v1`, `core-v1`. */
export function recordedDocument(group: string): Buffer | undefined {
  const plain = join(root, "openapi", `${group}.json`);
  if (existsSync(plain)) return readFileSync(plain);
  const packed = `${plain}.gz`;
  return existsSync(packed) ? gunzipSync(readFileSync(packed)) : undefined;
}
