/** The table of commands that the build writes (`oclif.manifest.json`): all that help and completion read. */
import { readFileSync } from "node:fs";

export interface CommandTable {
  readonly version: string;
  readonly commands: { readonly [id: string]: CommandEntry };
}

export interface CommandEntry {
  readonly id: string;
  readonly summary?: string;
  readonly description?: string;
  readonly hidden?: boolean;
  /** Where its code lies within this package. */
  readonly relativePath: readonly string[];
  readonly strict?: boolean;
  readonly args: { readonly [name: string]: ArgEntry };
  readonly flags: { readonly [name: string]: FlagEntry };
  readonly examples?: readonly string[];
}

export interface ArgEntry {
  readonly name: string;
  readonly description?: string;
  readonly required?: boolean;
  readonly options?: readonly string[];
}

export interface FlagEntry {
  readonly name: string;
  readonly char?: string;
  readonly type: "boolean" | "option";
  readonly description?: string;
  readonly helpValue?: string;
  readonly helpGroup?: string;
  readonly default?: unknown;
  readonly options?: readonly string[];
  readonly hidden?: boolean;
  readonly multiple?: boolean;
  readonly allowNo?: boolean;
}

export function readCommandTable(): CommandTable {
  const text = readFileSync(new URL("../../oclif.manifest.json", import.meta.url), "utf8");
  return JSON.parse(text) as CommandTable;
}
