/** Why user code does not load, as a person can act on it: file, line, column, the source line, a hint. */
import { AgentFlowError, type LoadProblem } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LoadError } from "./load.ts";

interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** What went wrong while the project was loaded. Never throws. */
export function loadProblem(error: unknown, projectDir: string): LoadProblem {
  const cause = error instanceof LoadError ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const place =
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

function placeIn(error: LoadError, projectDir: string): Place {
  return { file: path.join(projectDir, error.file) };
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

/** The first place of the stack that lies in the project, outside node_modules. */
function placeOf(error: unknown, projectDir: string): Place | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  for (const line of error.stack.split("\n").slice(0, 30)) {
    const match = /((?:file:\/\/)?\/[^\s()]+?):(\d+)(?::(\d+))?\)?$/.exec(line.trim());
    const location = match?.[1];
    if (location === undefined) continue;
    const file = location.startsWith("file:") ? fileURLToPath(location) : location;
    const inside = file.startsWith(`${projectDir}${path.sep}`) && !file.includes("/node_modules/");
    if (inside) return { file, line: Number(match?.[2]), ...columnOf(error, match?.[3]) };
  }
  return undefined;
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

/** The stack's column, or where the carets of Node's own frame (`  ^^^`) stand. */
function columnOf(error: Error, written: string | undefined): { column?: number } {
  if (written !== undefined) return { column: Number(written) };
  const carets = error.stack?.split("\n").find((line) => /^\s*\^+\s*$/.test(line));
  return carets === undefined ? {} : { column: carets.indexOf("^") + 1 };
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
  if (code === "ERR_MODULE_NOT_FOUND") return "run npm install, or correct the import";
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")
    return "code below node_modules must be JavaScript";
  return undefined;
}

function firstLine(text: string): string {
  const line = text.split("\n").find((part) => part.trim() !== "") ?? text;
  return line.trim().slice(0, 500);
}
