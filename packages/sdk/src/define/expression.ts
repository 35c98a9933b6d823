/** References and expressions in workflows written in TypeScript: typed here, CEL text in the definition. */
import type { Json } from "@agentflow/protocol";

const source = Symbol.for("agentflow.expression");

/**
 * A value known when the run gets there, of type T. Reading a property gives a reference to that property.
 */
export type Ref<T> = Expression<T> &
  (T extends readonly (infer Item)[]
    ? { readonly [index: number]: Ref<Item> }
    : T extends object
      ? { readonly [Key in keyof T]-?: Ref<Exclude<T[Key], undefined>> }
      : unknown);

export interface Expression<T> {
  readonly [source]: { readonly text: string; readonly type?: T };
}

/** A value, or references to values, of type T: what a step's `with` takes. */
export type Given<T> =
  | T
  | Expression<T>
  | (T extends readonly (infer Item)[]
      ? readonly Given<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Given<T[Key]> }
        : never);

/** A reference to a CEL path such as `steps.scan.output`. */
export function reference<T>(text: string): Ref<T> {
  const target = { [source]: { text } };
  return new Proxy(target, {
    get(_, key) {
      if (key === source) return target[source];
      if (typeof key === "symbol") return undefined;
      return reference(/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${text}.${key}` : `${text}[${index(key)}]`);
    },
    set: () => false,
  }) as unknown as Ref<T>;
}

function index(key: string): string {
  return /^[0-9]+$/.test(key) ? key : JSON.stringify(key);
}

/** CEL with references in it: cel<boolean>`${steps.classify.kind} == 'bug'`. Other values stand as JSON. */
export function cel<T = Json>(text: TemplateStringsArray, ...values: readonly unknown[]): Expression<T> {
  const whole = text.reduce((sum, part, i) => sum + (i === 0 ? "" : literal(values[i - 1])) + part, "");
  return { [source]: { text: whole } };
}

function literal(value: unknown): string {
  const text = textOf(value);
  return text ?? JSON.stringify(value);
}

/** The CEL text of an expression or reference; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !(source in value)) return undefined;
  const inside = value[source];
  return typeof inside === "object" && inside !== null && "text" in inside && typeof inside.text === "string"
    ? inside.text
    : undefined;
}

/** A template as definitions hold it: references become `${ }` strings, literal `${` is escaped. */
export function toTemplate(value: unknown): Json {
  const text = textOf(value);
  if (text !== undefined) return `\${${text}}`;
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(toTemplate);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toTemplate(inner)]));
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`a ${typeof value} cannot stand in a workflow`);
}
