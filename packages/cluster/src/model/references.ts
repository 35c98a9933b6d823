/** `env://` and `secret://` in a document: which there are, where, and what the former stand for. */
import {
  type Finding,
  type Json,
  parseReference,
  type Reference,
  referencePattern,
} from "@agentflow/protocol";
import { escaped, isObject } from "./overlay.ts";

export type Variables = { readonly [name: string]: string | undefined };

export interface FoundReference {
  readonly path: string;
  readonly reference: Reference;
}

/** In the order of the document. */
export function referencesIn(value: Json, at = ""): readonly FoundReference[] {
  if (typeof value === "string") {
    const reference = referencePattern.test(value) ? parseReference(value) : undefined;
    return reference === undefined ? [] : [{ path: at, reference }];
  }
  if (Array.isArray(value)) return value.flatMap((one: Json, n) => referencesIn(one, `${at}/${n}`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => referencesIn(inner, `${at}/${escaped(key)}`));
}

export interface Resolved {
  readonly text: string;
  /** The variable that it came from; absent: it stands in the file. */
  readonly variable?: string;
  /** The variable is not set: what stands behind the ? was taken. */
  readonly byDefault?: true;
}

/** Undefined: a variable that is not set, and no default. A secret stays the reference that it is. */
export function resolveText(text: string, variables: Variables): Resolved | undefined {
  const reference = parseReference(text);
  if (reference?.kind !== "env") return { text };
  const value = variables[reference.name];
  if (value !== undefined && value !== "") return { text: value, variable: reference.name };
  if (reference.default === undefined) return undefined;
  return { text: reference.default, variable: reference.name, byDefault: true };
}

export function notSet(path: string, name: string): Finding {
  return {
    code: "AF946",
    severity: "error",
    path,
    message: `the variable ${name} is not set, and it has no default`,
    hint: `set it in .env (${name}=…), or write env://${name}?default`,
  };
}
