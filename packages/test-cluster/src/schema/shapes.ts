/** Shapes of kinds, made from the recorded documents as far as they are asked for, and kept. */
import { parseDocument, type Document, type Written } from "./parse-documents.ts";
import { anything, type List, type Shape } from "./shape.ts";

const kinds = new Map<string, Shape>();
const documents = new Map<string, Document | undefined>();

/** The shape of a kind. What no document describes keeps the metadata that all objects have. */
export function shapeOf(group: string, version: string, kind: string): Shape {
  const key = `${group}/${version}/${kind}`;
  const known = kinds.get(key);
  if (known !== undefined) return known;
  const made = described(group, version, kind) ?? undescribed();
  kinds.set(key, made);
  return made;
}

function documentOf(group: string, version: string): Document | undefined {
  const key = `${group}/${version}`;
  if (!documents.has(key)) documents.set(key, parseDocument(group, version));
  return documents.get(key);
}

function described(group: string, version: string, kind: string): Shape | undefined {
  const document = documentOf(group, version);
  if (document === undefined) return undefined;
  const found = Object.values(document).find((one) =>
    one["x-kubernetes-group-version-kind"]?.some(
      (of) => of.kind === kind && of.group === group && of.version === version,
    ),
  );
  return found === undefined ? undefined : new Shapes(document).of(found, false);
}

function undescribed(): Shape {
  const metadata = shapeOf("", "v1", "ConfigMap");
  const known = metadata.type === "struct" ? metadata.field("metadata") : undefined;
  return {
    type: "struct",
    atomic: false,
    required: false,
    names: ["apiVersion", "kind", "metadata"],
    field: (name) => (name === "metadata" ? known : anything),
  };
}

class Shapes {
  readonly #document: Document;
  readonly #structs = new Map<Written, (name: string) => Shape | undefined>();

  constructor(document: Document) {
    this.#document = document;
  }

  of(field: Written, required: boolean): Shape {
    const { written, own } = this.#resolve(field);
    const fallback = own.default ?? written.default;
    const common = { required, ...(fallback === undefined ? {} : { fallback }) };
    if (written.properties !== undefined) {
      return {
        ...common,
        type: "struct",
        atomic: isAtomicMap(written) || isAtomicMap(own),
        names: Object.keys(written.properties),
        field: this.#fieldsOf(written),
      };
    }
    const strategies = (own["x-kubernetes-patch-strategy"] ?? "").split(",");
    if (written.type === "array") return { ...common, ...this.#list(written, own, strategies) };
    if (written.additionalProperties !== undefined) {
      const values = this.of(written.additionalProperties, false);
      return { ...common, type: "map", atomic: isAtomicMap(written), values, strategies };
    }
    const format = written.format === undefined ? {} : { format: written.format };
    return { ...common, ...format, type: scalarOf(written) };
  }

  #list(written: Written, own: Written, strategies: readonly string[]): Omit<List, "required" | "fallback"> {
    const kind = written["x-kubernetes-list-type"];
    const mergeKey = own["x-kubernetes-patch-merge-key"];

    return {
      type: "list",
      kind: kind === "map" || kind === "set" ? kind : "atomic",
      keys: [...(written["x-kubernetes-list-map-keys"] ?? [])].sort(),
      items: written.items === undefined ? anything : this.of(written.items, false),
      strategies,
      ...(mergeKey === undefined ? {} : { mergeKey }),
    };
  }

  #fieldsOf(written: Written): (name: string) => Shape | undefined {
    const known = this.#structs.get(written);
    if (known !== undefined) return known;
    const made = new Map<string, Shape>();
    const find = (name: string): Shape | undefined => {
      const ready = made.get(name);
      if (ready !== undefined) return ready;
      const properties = written.properties ?? {};
      const field = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (field === undefined) return undefined;
      const shape = this.of(field, written.required?.includes(name) ?? false);
      made.set(name, shape);
      return shape;
    };
    this.#structs.set(written, find);
    return find;
  }

  /** Follows `$ref`, also inside `allOf`, which is how a field keeps words of its own beside it. */
  #resolve(field: Written): { written: Written; own: Written } {
    const ref = field.$ref ?? field.allOf?.[0]?.$ref;
    if (ref === undefined) return { written: field, own: field };
    const target = this.#document[ref.slice(ref.lastIndexOf("/") + 1)];
    return { written: target ?? {}, own: field };
  }
}

function isAtomicMap(written: Written): boolean {
  return written["x-kubernetes-map-type"] === "atomic";
}

function scalarOf(written: Written) {
  if (written.format === "int-or-string") return "intOrString";
  if (written.oneOf?.some((one) => one.type === "number") === true) return "quantity";
  switch (written.type) {
    case "string":
    case "integer":
    case "number":
    case "boolean":
      return written.type;
    default:
      return "any";
  }
}
