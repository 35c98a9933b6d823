/** What Node cannot run in a project's TypeScript: it only strips types. Each fault with its place. */
import { readFile, readdir } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { PlacedFinding } from "../output/findings.ts";

const folders = ["tools", "agents", "workflows", "lib", "src"];
const filesMax = 2_000;

/** Reads every .ts file of the project's code folders; runs none of them. */
export async function scanCode(dir: string): Promise<PlacedFinding[]> {
  const files = (await Promise.all(folders.map((folder) => codeFiles(dir, folder))))
    .flat()
    .slice(0, filesMax);
  const found = await Promise.all(
    files.map(async (file) => scanText(file, await readFile(join(dir, file), "utf8"))),
  );
  return found.flat();
}

/** As `scanCode`, for one text. */
export function scanText(file: string, text: string): PlacedFinding[] {
  const lines = text.split("\n");
  return [...syntaxFaults(file, text, lines), ...bareImports(file, lines), ...decorators(file, lines)];
}

async function codeFiles(dir: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(dir, folder), { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter(
      (entry) => entry.isFile() && /\.m?ts$/.test(entry.name) && !entry.parentPath.includes("node_modules"),
    )
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

function syntaxFaults(file: string, text: string, lines: readonly string[]): PlacedFinding[] {
  try {
    withoutWarning(() => stripTypeScriptTypes(text));
    return [];
  } catch (error) {
    if (!(error instanceof Error)) return [];
    const [, number = "1"] = /^\S*?:(\d+)$/m.exec(error.stack ?? "") ?? [];
    const carets = (error.stack ?? "").split("\n").find((line) => /^\s*\^+\s*$/.test(line));
    const place = placeAt(file, lines, { line: Number(number), column: (carets?.indexOf("^") ?? 0) + 1 });
    const [message = ""] = error.message.split("\n");
    const unsupported = "code" in error && error.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
    return [
      { ...place, severity: "error", ...(unsupported ? instead(message) : { code: "AF920", message }) },
    ];
  }
}

function instead(message: string): { code: string; message: string; hint: string } {
  const what = message.replace(" is not supported in strip-only mode", "").replace(/^TypeScript /, "");
  const hint = hints.find(([word]) => what.includes(word))?.[1] ?? "write it in plain JavaScript";
  return { code: "AF921", message: `${what}: Node only strips types, this one would need code`, hint };
}

const hints: readonly (readonly [string, string])[] = [
  ["enum", 'write: const Kind = { a: "a" } as const'],
  ["parameter property", "declare the field and assign it in the constructor"],
  ["namespace", "export the names from a file of their own"],
  ["import", "write: import x from …"],
];

/** `from "./orders"`: Node needs the file's whole name. */
function bareImports(file: string, lines: readonly string[]): PlacedFinding[] {
  return lines.flatMap((line, i) => {
    const match = /^\s*(?:import|export|\}).*?(?:from\s+|import\s+|import\()(["'])(\.{1,2}\/[^"']*)\1/.exec(
      line,
    );
    const bare = /^\s*import\s+(["'])(\.{1,2}\/[^"']*)\1/.exec(line);
    const specifier = (match ?? bare)?.[2];
    if (
      specifier === undefined ||
      /\.(m|c)?(ts|js|json)$/.test(specifier) ||
      /^\s*(import|export)\s+type\b/.test(line)
    )
      return [];
    return [
      {
        ...placeAt(file, lines, { line: i + 1, column: line.indexOf(specifier) + 1 }),
        code: "AF922",
        severity: "error",
        message: `the import ${JSON.stringify(specifier)} has no extension`,
        hint: `write ${JSON.stringify(`${specifier}.ts`)}`,
      },
    ];
  });
}

function decorators(file: string, lines: readonly string[]): PlacedFinding[] {
  let comment = false;
  return lines.flatMap((line, i) => {
    if (/^\s*\/\*/.test(line)) comment = true;
    const match = comment
      ? null
      : /^\s*(@[A-Za-z_$][\w$.]*)(\(.*\))?\s*($|(export\s+)?(abstract\s+)?class\b|[\w#]+\s*[(:=;])/.exec(
          line,
        );
    if (line.includes("*/")) comment = false;
    if (match === null) return [];
    return [
      {
        ...placeAt(file, lines, { line: i + 1, column: line.indexOf("@") + 1 }),
        code: "AF923",
        severity: "error" as const,
        message: `the decorator ${match[1] ?? ""} cannot run: Node only strips types`,
        hint: "call a function instead",
      },
    ];
  });
}

function placeAt(
  file: string,
  lines: readonly string[],
  at: { readonly line: number; readonly column: number },
): Pick<PlacedFinding, "file" | "line" | "column" | "source"> {
  const source = lines[at.line - 1];
  return { file, ...at, ...(source === undefined ? {} : { source: source.replace(/\r$/, "") }) };
}

/** The function is marked experimental; that is our business, not the user's. */
function withoutWarning(work: () => unknown): void {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
