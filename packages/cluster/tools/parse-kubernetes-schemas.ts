/**
 * Writes schemas/kubernetes.json: the kinds that we render, taken from the OpenAPI documents that an API
 * server served (packages/test-cluster/fixtures), without descriptions. `--check` only compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

type Schema = { readonly [key: string]: unknown };

interface TypeWritten {
  readonly keys: Readonly<Record<string, string>>;
  readonly required?: readonly string[];
}

/** Which document holds each kind. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  "core-v1.json.gz": [
    "ConfigMap",
    "Namespace",
    "PersistentVolumeClaim",
    "Secret",
    "Service",
    "ServiceAccount",
  ],
  "apps-v1.json.gz": ["Deployment", "StatefulSet"],
  "batch-v1.json.gz": ["Job"],
  "autoscaling-v2.json": ["HorizontalPodAutoscaler"],
  "policy-v1.json": ["PodDisruptionBudget"],
  "networking.k8s.io-v1.json.gz": ["Ingress", "NetworkPolicy"],
  "rbac.authorization.k8s.io-v1.json.gz": ["Role", "RoleBinding"],
  "coordination.k8s.io-v1.json": ["Lease"],
};

const fixtures = new URL("../../test-cluster/fixtures/transcripts/openapi/", import.meta.url);
const written = fileURLToPath(new URL("../schemas/kubernetes.json", import.meta.url));
const keda = new URL("./keda.json", import.meta.url);

export function kubernetesSchemas(): string {
  const roots: Record<string, string> = {};
  const types: Record<string, TypeWritten> = {};
  for (const [file, names] of Object.entries(kinds)) {
    const raw = readFileSync(new URL(file, fixtures));
    const text = file.endsWith(".gz") ? gunzipSync(raw) : raw;
    const document = JSON.parse(text.toString()) as { components: { schemas: Record<string, Schema> } };
    const { schemas } = document.components;
    for (const name of names) {
      const [full, schema] = rootOf(schemas, name);
      const [{ group, version } = { group: "", version: "" }] = (schema["x-kubernetes-group-version-kind"] ??
        []) as { group: string; version: string }[];
      roots[`${group === "" ? version : `${group}/${version}`} ${name}`] = short(full);
      collect(full, { schemas, types });
    }
  }
  const more = JSON.parse(readFileSync(keda, "utf8")) as {
    source: string;
    kinds: Record<string, string>;
    types: Record<string, TypeWritten>;
  };
  const source = ["Kubernetes v1.36.2, /openapi/v3", more.source];
  const all = { source, kinds: { ...roots, ...more.kinds }, types: { ...types, ...more.types } };
  const lines = Object.entries(all.types)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, type]) => `    ${JSON.stringify(name)}: ${JSON.stringify(type)}`);
  const head = JSON.stringify({ source: all.source, kinds: all.kinds }, undefined, 2).slice(0, -2);
  return `${head},\n  "types": {\n${lines.join(",\n")}\n  }\n}\n`;
}

function rootOf(schemas: Record<string, Schema>, kind: string): [string, Schema] {
  const found = Object.entries(schemas).find(([name, schema]) => {
    const of = (schema["x-kubernetes-group-version-kind"] ?? []) as { kind: string }[];
    return name.startsWith("io.k8s.api.") && of.length === 1 && of[0]?.kind === kind;
  });
  if (found === undefined) throw new Error(`no schema of ${kind}`);
  return found;
}

interface Collecting {
  readonly schemas: Record<string, Schema>;
  readonly types: Record<string, TypeWritten>;
}

function collect(name: string, of: Collecting): void {
  if (of.types[short(name)] !== undefined) return;
  const schema = of.schemas[name] ?? {};
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const keys: Record<string, string> = {};
  const required = (schema["required"] ?? []) as string[];
  of.types[short(name)] = { keys, ...(required.length === 0 ? {} : { required }) };
  for (const [key, property] of properties) keys[key] = codeOf(property, of);
}

/** One letter for a plain type; `[` a list of, `{` a map to, `#` a type by name, `e:` one of. */
function codeOf(schema: Schema, of: Collecting): string {
  const [only] = (schema["allOf"] ?? []) as Schema[];
  if (only !== undefined) return codeOf(only, of);
  const ref = schema["$ref"];
  if (typeof ref === "string") return refCode(ref.slice("#/components/schemas/".length), of);
  if (Array.isArray(schema["enum"])) return `e:${schema["enum"].join("|")}`;
  switch (schema["type"]) {
    case "array":
      return `[${codeOf((schema["items"] ?? {}) as Schema, of)}`;
    case "object": {
      const values = schema["additionalProperties"];
      return values === undefined ? "*" : `{${codeOf(values as Schema, of)}`;
    }
    case "string":
      return "s";
    case "boolean":
      return "b";
    case "integer":
      return "i";
    case "number":
      return "n";
    default:
      return Array.isArray(schema["oneOf"]) ? "q" : "*";
  }
}

function refCode(name: string, of: Collecting): string {
  const schema = of.schemas[name] ?? {};
  if (schema["properties"] === undefined) {
    if (name.endsWith(".FieldsV1")) return "*";
    return codeOf(schema, of);
  }
  collect(name, of);
  return `#${short(name)}`;
}

/** `io.k8s.api.core.v1.PodSpec` as `core.v1.PodSpec`. */
function short(name: string): string {
  return name.replace(/^io\.k8s\.(api|apimachinery\.pkg\.apis)\./, "");
}

if (import.meta.main) {
  const text = kubernetesSchemas();
  if (process.argv.includes("--check")) process.exitCode = readFileSync(written, "utf8") === text ? 0 : 1;
  else writeFileSync(written, text);
}
