/** OpenAPI v3: an index, the recorded documents as they were, and one made for each group of custom kinds. */
import { createHash } from "node:crypto";
import { listAt, objectAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import { recordedBody, recordedDocument, recordedFile } from "./recorded.ts";
import { apiVersionOf, type Registry, type Resource } from "./resources.ts";

export interface OpenApiDocument {
  readonly body: Buffer;
  readonly etag: string;
}

/** Which recorded file holds the document of a path such as `apis/apps/v1`. */
const files = new Map(
  listAt(recordedFile("02-openapi/02-documents"), "documents").map((one) => {
    const file = textAt(one, "file") ?? "";
    return [
      textAt(one, "group") ?? "",
      file.replace(/^openapi\//, "").replace(/\.json(\.gz)?$/, ""),
    ] as const;
  }),
);

const recordedPaths = objectAt(recordedBody("02-openapi/01-index"), "paths");

export function openApiIndex(registry: Registry): JsonObject {
  const paths: Record<string, Json> = {};
  for (const path of files.keys()) paths[path] = recordedPaths[path] ?? {};
  for (const path of madePaths(registry)) {
    const { etag } = madeDocument(registry, path);
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${etag}` };
  }
  return { paths };
}

export function openApiDocument(registry: Registry, path: string): OpenApiDocument | undefined {
  const file = files.get(path);
  if (file !== undefined) {
    const body = recordedDocument(file);
    return body && { body, etag: hashIn(textAt(recordedPaths[path], "serverRelativeURL") ?? "") };
  }
  return madePaths(registry).includes(path) ? madeDocument(registry, path) : undefined;
}

function hashIn(url: string): string {
  return url.split("hash=")[1] ?? "";
}

/** Of groups whose document was not recorded, and of custom kinds: made here, and open to any field. */
function madePaths(registry: Registry): readonly string[] {
  const paths = registry.all().map(pathOf);
  return [...new Set(paths)].filter((path) => !files.has(path));
}

function pathOf(one: Resource): string {
  return `${one.group === "" ? "api" : "apis"}/${apiVersionOf(one)}`;
}

function madeDocument(registry: Registry, path: string): OpenApiDocument {
  const kinds = registry.all().filter((one) => pathOf(one) === path);
  const paths: Record<string, Json> = {};
  for (const one of kinds) Object.assign(paths, pathsOf(one));
  const schemas = Object.fromEntries(kinds.map((one) => [schemaName(one), schemaOf(one)]));
  const info = { title: "Kubernetes", version: "1.36" };
  const body = Buffer.from(JSON.stringify({ openapi: "3.0.0", info, paths, components: { schemas } }));
  return { body, etag: createHash("sha512").update(body).digest("hex").toUpperCase() };
}

/** Only what a client looks up: that the kind is there, and which parameters a patch takes. */
function pathsOf(one: Resource): Record<string, Json> {
  const places = one.namespaced ? "namespaces/{namespace}/" : "";
  const path = `/apis/${apiVersionOf(one)}/${places}${one.plural}/{name}`;
  const about = { "x-kubernetes-group-version-kind": kindOf(one), responses: { 200: { description: "OK" } } };
  const query = (name: string) => ({ name, in: "query", schema: { type: "string", uniqueItems: true } });
  const parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(query);
  return { [path]: { get: about, put: about, patch: { ...about, parameters }, delete: about } };
}

function schemaOf(one: Resource): JsonObject {
  return {
    type: "object",
    "x-kubernetes-group-version-kind": [kindOf(one)],
    "x-kubernetes-preserve-unknown-fields": true,
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    },
  };
}

function kindOf(one: Resource): JsonObject {
  return { group: one.group, version: one.version, kind: one.kind };
}

function schemaName(one: Resource): string {
  return `${one.group.split(".").toReversed().join(".")}.${one.version}.${one.kind}`;
}
