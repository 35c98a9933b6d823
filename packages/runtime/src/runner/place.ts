/** Where in a project's own code an error arose: the first frame that is neither Node's nor a package's. */
import path from "node:path";
import { fileURLToPath } from "node:url";

export interface Place {
  /** An absolute path. */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** Undefined when no frame of the stack lies in the project. */
export function placeOf(error: unknown, projectDir: string): Place | undefined {
  if (!(error instanceof Error) || typeof error.stack !== "string") return undefined;
  for (const line of error.stack.split("\n").slice(0, framesMax)) {
    const match = /((?:file:\/\/)?\/[^\s()]+?):(\d+)(?::(\d+))?\)?$/.exec(line.trim());
    const location = match?.[1];
    if (location === undefined) continue;
    const file = location.startsWith("file:") ? pathOf(location) : location;
    const inside = file?.startsWith(`${projectDir}${path.sep}`) === true && !file.includes("/node_modules/");
    if (inside) return { file, line: Number(match?.[2]), ...columnOf(error, match?.[3]) };
  }
  return undefined;
}

const framesMax = 30;

/** As `tools/pay.ts:14:11`, seen from the project's folder; undefined where `placeOf` is. */
export function placeText(error: unknown, projectDir: string): string | undefined {
  const place = placeOf(error, projectDir);
  if (place === undefined) return undefined;
  const { file, line, column } = place;
  return [path.relative(projectDir, file), line, column].filter((part) => part !== undefined).join(":");
}

/** User code may write what it likes into a stack. */
function pathOf(url: string): string | undefined {
  try {
    return fileURLToPath(url);
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
