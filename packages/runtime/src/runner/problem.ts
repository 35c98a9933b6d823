/** Why user code does not load, as a person can act on it: file, line, column, the source line, a hint. */
import { AgentFlowError, type LoadProblem } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import path from "node:path";
import { LoadError } from "./load-error.ts";
import { type Place, placeOf } from "./place.ts";

/** What went wrong while the project was loaded. Never throws. */
export function loadProblem(error: unknown, projectDir: string): LoadProblem {
  const cause = error instanceof LoadError ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const place =
    (error instanceof LoadError && error.place !== undefined ? placeIn(error, projectDir) : undefined) ??
    placeOf(cause, projectDir) ??
    placeOfImport(text, projectDir) ??
    (error instanceof LoadError ? placeIn(error, projectDir) : undefined);
  const hint = hintFor(cause, text);
  return {
    message: firstLine(text).replaceAll(`${projectDir}${path.sep}`, ""),
    ...(place === undefined ? {} : shown(place, projectDir)),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The file, and the line of the export that is at fault where it is written as usual. */
function placeIn({ file, exported, place }: LoadError, projectDir: string): Place {
  const absolute = path.join(projectDir, file);
  if (place !== undefined) return { file: absolute, ...place };
  if (exported === undefined) return { file: absolute };
  const lines = sourceOf(absolute)?.split("\n") ?? [];
  const index = lines.findIndex(
    (line) => /^export (default)\b/.exec(line)?.[1] === exported || declared(line) === exported,
  );
  return index === -1 ? { file: absolute } : { file: absolute, line: index + 1, column: 1 };
}

function declared(line: string): string | undefined {
  return /^export (?:async )?(?:const|let|function) ([\w$]+)/.exec(line)?.[1];
}

function shown(place: Place, projectDir: string): Partial<LoadProblem> {
  const frame = place.line === undefined ? undefined : frameAt(place);
  return {
    file: path.relative(projectDir, place.file),
    ...(place.line === undefined ? {} : { line: place.line }),
    ...(place.column === undefined ? {} : { column: place.column }),
    ...(frame === undefined ? {} : { frame }),
  };
}

/** A module that is not found has no place in the stack, but the message names who imports it. */
function placeOfImport(text: string, projectDir: string): Place | undefined {
  const match = /^Cannot find (?:module|package) '([^']+)' imported from (\/.+)$/.exec(firstLine(text));
  const [, wanted = "", file = ""] = match ?? [];
  if (!file.startsWith(`${projectDir}${path.sep}`)) return undefined;
  const lines = sourceOf(file)?.split("\n") ?? [];
  for (const [index, line] of lines.entries()) {
    const name = path.isAbsolute(wanted) ? path.basename(wanted) : wanted;
    const quoted = [...line.matchAll(/["']([^"']+)["']/g)].find(
      ([, from = ""]) => from === wanted || from.endsWith(`/${name}`) || from.startsWith(`${wanted}/`),
    );
    if (quoted !== undefined) return { file, line: index + 1, column: quoted.index + 1 };
  }
  return { file };
}

function sourceOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function frameAt(place: Place): string | undefined {
  const source = sourceOf(place.file)?.split("\n")[(place.line ?? 1) - 1];
  if (source === undefined) return undefined;
  const caret = place.column === undefined ? "" : `\n${" ".repeat(place.column - 1)}^`;
  return `${source.slice(0, 160)}${caret}`;
}

function hintFor(error: unknown, text: string): string | undefined {
  if (AgentFlowError.is(error)) return error.suggestions[0];
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return "Node only strips types: write a const object for an enum, fields for parameter properties";
  }
  // A relative import arrives here as the absolute path that it led to.
  const missing = /^Cannot find module '(\/[^']+)'/.exec(text)?.[1];
  if (code === "ERR_MODULE_NOT_FOUND" && missing !== undefined && path.extname(missing) === "") {
    return `imports need the file's extension: import … from "./${path.basename(missing)}.ts"`;
  }
  if (code === "ERR_MODULE_NOT_FOUND" && missing !== undefined)
    return "there is no such file: correct the import";
  const wanted = /^Cannot find package '([^']+)'/.exec(text)?.[1];
  if (code === "ERR_MODULE_NOT_FOUND" && wanted !== undefined) {
    return `run npm install when package.json names it, else npm install ${wanted}, or correct the import`;
  }
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")
    return "code below node_modules must be JavaScript";
  return undefined;
}

function firstLine(text: string): string {
  const line = text.split("\n").find((part) => part.trim() !== "") ?? text;
  return line.trim().slice(0, 500);
}
