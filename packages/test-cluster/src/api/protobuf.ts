/** The few bodies that kubectl sends as protobuf whatever it is told: read into the JSON they stand for. */
import { isArray, isObject } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";

type Shape = Readonly<Record<number, Field>>;
/** `blobs` is a map of bytes, kept in base64; a list with one shape in it is a list of such. */
type Type = "text" | "texts" | "number" | "labels" | "blobs" | Shape | readonly [Shape];
type Field = readonly [name: string, type: Type];

const metadata: Shape = {
  1: ["name", "text"],
  2: ["generateName", "text"],
  3: ["namespace", "text"],
  5: ["uid", "text"],
  6: ["resourceVersion", "text"],
  11: ["labels", "labels"],
  12: ["annotations", "labels"],
  14: ["finalizers", "texts"],
};

const resourceAttributes: Shape = {
  1: ["namespace", "text"],
  2: ["verb", "text"],
  3: ["group", "text"],
  4: ["version", "text"],
  5: ["resource", "text"],
  6: ["subresource", "text"],
  7: ["name", "text"],
};
const nonResourceAttributes: Shape = { 1: ["path", "text"], 2: ["verb", "text"] };
const accessSpec: Shape = {
  1: ["resourceAttributes", resourceAttributes],
  2: ["nonResourceAttributes", nonResourceAttributes],
};
const tokenSpec: Shape = { 1: ["audiences", "texts"], 4: ["expirationSeconds", "number"] };

const rule: Shape = {
  1: ["verbs", "texts"],
  2: ["apiGroups", "texts"],
  3: ["resources", "texts"],
  4: ["resourceNames", "texts"],
  5: ["nonResourceURLs", "texts"],
};
const subject: Shape = {
  1: ["kind", "text"],
  2: ["apiGroup", "text"],
  3: ["name", "text"],
  4: ["namespace", "text"],
};
const roleRef: Shape = { 1: ["apiGroup", "text"], 2: ["kind", "text"], 3: ["name", "text"] };
const role: Shape = { 1: ["metadata", metadata], 2: ["rules", [rule]] };
const binding: Shape = { 1: ["metadata", metadata], 2: ["subjects", [subject]], 3: ["roleRef", roleRef] };

const preconditions: Shape = { 1: ["uid", "text"], 2: ["resourceVersion", "text"] };

const shapes: Readonly<Record<string, Shape>> = {
  DeleteOptions: {
    1: ["gracePeriodSeconds", "number"],
    2: ["preconditions", preconditions],
    4: ["propagationPolicy", "text"],
    5: ["dryRun", "texts"],
  },
  Namespace: { 1: ["metadata", metadata] },
  SelfSubjectAccessReview: { 1: ["metadata", metadata], 2: ["spec", accessSpec] },
  SelfSubjectRulesReview: { 1: ["metadata", metadata], 2: ["spec", { 1: ["namespace", "text"] }] },
  SelfSubjectReview: { 1: ["metadata", metadata] },
  ServiceAccount: { 1: ["metadata", metadata] },
  TokenRequest: { 1: ["metadata", metadata], 2: ["spec", tokenSpec] },
  Eviction: { 1: ["metadata", metadata] },
  ConfigMap: { 1: ["metadata", metadata], 2: ["data", "labels"] },
  Secret: {
    1: ["metadata", metadata],
    2: ["data", "blobs"],
    3: ["type", "text"],
    4: ["stringData", "labels"],
  },
  Role: role,
  ClusterRole: role,
  RoleBinding: binding,
  ClusterRoleBinding: binding,
};

const magic = Buffer.from("k8s\u0000");

/** Undefined for what is none of these. */
export function protobufIn(body: Buffer): JsonObject | undefined {
  if (!body.subarray(0, 4).equals(magic)) return undefined;
  const outer = [...fieldsOf(body.subarray(4))];
  const type = read(bytesOf(outer, 1), { 1: ["apiVersion", "text"], 2: ["kind", "text"] });
  const shape = typeof type["kind"] === "string" ? shapes[type["kind"]] : undefined;
  return shape && { ...type, ...read(bytesOf(outer, 2), shape) };
}

interface Raw {
  readonly number: number;
  readonly value: Buffer | number;
}

function* fieldsOf(buffer: Buffer): Generator<Raw> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < buffer.length; shift += 7) {
      const byte = buffer[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < buffer.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) yield { number, value: varint() };
    else if (tag % 8 === 2) {
      const length = varint();
      yield { number, value: buffer.subarray(at, at + length) };
      at += length;
    } else return;
  }
}

function bytesOf(fields: readonly Raw[], number: number): Buffer {
  const found = fields.find((one) => one.number === number)?.value;
  return Buffer.isBuffer(found) ? found : Buffer.alloc(0);
}

function read(buffer: Buffer, shape: Shape): Record<string, Json> {
  const made: Record<string, Json> = {};
  for (const { number, value } of fieldsOf(buffer)) {
    const field = shape[number];
    if (field === undefined) continue;
    const [name, type] = field;
    made[name] = valueOf(value, type, made[name]);
  }
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== ""));
}

function valueOf(value: Buffer | number, type: Type, before: Json | undefined): Json {
  if (!Buffer.isBuffer(value)) return value;
  const list: readonly Json[] = isArray(before) ? before : [];
  switch (type) {
    case "text":
      return value.toString("utf8");
    case "texts":
      return [...list, value.toString("utf8")];
    case "number":
      return 0;
    case "labels":
    case "blobs":
      return withEntry(value, type === "blobs" ? "base64" : "utf8", before);
    default:
      return isListOf(type) ? [...list, read(value, type[0])] : read(value, type);
  }
}

function isListOf(type: Shape | readonly [Shape]): type is readonly [Shape] {
  return Array.isArray(type);
}

function withEntry(value: Buffer, encoding: "utf8" | "base64", before: Json | undefined): Json {
  const pair = [...fieldsOf(value)];
  const entry = { [bytesOf(pair, 1).toString("utf8")]: bytesOf(pair, 2).toString(encoding) };
  return isObject(before) ? { ...before, ...entry } : entry;
}
