/** The checked-in schemas of the kinds that we write; read when something is to be checked. */
import { readFileSync } from "node:fs";

export interface KindSchemas {
  /** Name of the type, by `apps/v1 Deployment`. */
  readonly kinds: Readonly<Record<string, string>>;
  readonly types: Readonly<Record<string, TypeSchema>>;
}

export interface TypeSchema {
  /**
   * Codes by key: `s`tring, `b`oolean, `i`nteger, `n`umber, `q` integer or string, `*` anything; `[` a list
   * of, `{` a map to, `#` a type by name, `e:` one of several words.
   */
  readonly keys: Readonly<Record<string, string>>;
  readonly required?: readonly string[];
}

let loaded: KindSchemas | undefined;

export function parseSchemas(): KindSchemas {
  const file = new URL("../../../schemas/kubernetes.json", import.meta.url);
  return (loaded ??= JSON.parse(readFileSync(file, "utf8")) as KindSchemas);
}
