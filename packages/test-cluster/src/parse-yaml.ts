/** YAML with what a server says of it: faults by their line, keys that stand twice. */
import { parseDocument } from "yaml";
import type { Json } from "./object.ts";

export interface YamlRead {
  readonly value: Json;
  /** The line of the first fault. */
  readonly faultAt: number | undefined;
  /** `line 7: key "a" already set in map`. */
  readonly repeated: readonly string[];
}

export function parseYamlBody(text: string): YamlRead {
  const document = parseDocument(text, { uniqueKeys: false, logLevel: "silent" });
  const [fault] = document.errors;
  if (fault !== undefined) return { value: null, faultAt: fault.linePos?.[0].line ?? 1, repeated: [] };
  return { value: document.toJS() as Json, faultAt: undefined, repeated: repeatedKeys(text) };
}

function repeatedKeys(text: string): string[] {
  const document = parseDocument(text, { uniqueKeys: true, logLevel: "silent", prettyErrors: false });
  return document.errors
    .filter((error) => error.code === "DUPLICATE_KEY")
    .map((error) => {
      const line = text.slice(0, error.pos[0]).split("\n").length;
      const key = /^["']?([^:"']*)/.exec(text.slice(error.pos[0]))?.[1]?.trim() ?? "";
      return `line ${line}: key ${JSON.stringify(key)} already set in map`;
    });
}
