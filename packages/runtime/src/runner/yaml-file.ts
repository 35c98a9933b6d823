/** A YAML file of the project, and errors that name a place in it. `yaml` is loaded with the first one. */
import { AgentFlowError, type Json } from "@agentflow/protocol";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { parseJson } from "../channel/parse-json.ts";
import { LoadError } from "./load-error.ts";

export interface YamlFile {
  readonly relative: string;
  readonly value: Json;
  /** An error at a value, or at the nearest one around it that exists. */
  faultAt(pointer: readonly (string | number)[], message: string, hint?: string): LoadError;
}

const bytesMax = 256 * 1024;
const aliasesMax = 32;

/** Throws a `LoadError` with line and column for text that is no YAML. */
export async function readYamlFile(projectDir: string, relative: string): Promise<YamlFile> {
  const text = readBounded(path.join(projectDir, relative), relative);
  const { LineCounter, parseDocument } = await import("yaml");
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const placeAt = (offset: number): { line: number; column: number } | undefined => {
    const { line, col } = counter.linePos(offset);
    return line === 0 ? undefined : { line, column: col };
  };
  const fault = document.errors[0];
  if (fault !== undefined) {
    const [message = ""] = fault.message.split("\n");
    const problem = invalid(`not YAML: ${message}`, "af validate shows each fault of the file");
    throw new LoadError(relative, problem, { place: placeAt(fault.pos[0]) });
  }
  return {
    relative,
    value: plain(document.toJS({ maxAliasCount: aliasesMax })),
    faultAt(pointer, message, hint) {
      for (let length = pointer.length; length >= 0; length--) {
        const node: unknown = document.getIn(pointer.slice(0, length), true);
        const offset = rangeOf(node)?.[0];
        if (offset === undefined) continue;
        return new LoadError(relative, invalid(message, hint), { place: placeAt(offset) });
      }
      return new LoadError(relative, invalid(message, hint));
    },
  };
}

/** The text of a file that is not too big. Throws a `LoadError`. */
export function readBounded(absolute: string, relative: string): string {
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) throw new LoadError(relative, invalid("there is no such file"));
  if (stat.size > bytesMax) {
    throw new LoadError(relative, invalid(`it is over ${bytesMax / 1024} KiB`, "split it"));
  }
  return readFileSync(absolute, "utf8");
}

export function invalid(message: string, hint?: string): AgentFlowError {
  return new AgentFlowError("invalid_project", message, hint === undefined ? {} : { suggestions: [hint] });
}

/** What JSON makes of it: dates and such become text. */
function plain(value: unknown): Json {
  return parseJson(JSON.stringify(value) ?? "null");
}

function rangeOf(node: unknown): readonly number[] | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  return Array.isArray(node.range) ? node.range : undefined;
}
