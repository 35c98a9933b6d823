import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError, systemCode } from "./input-error.ts";
import { clip, limits } from "./limits.ts";

/** One entry of the lockfile's `packages`, with only what the report needs. */
export interface Entry {
  /** Where it lies, relative to the lockfile: `node_modules/a/node_modules/b`; empty for the project. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly kind: "project" | "workspace" | "package" | "link";
  /** What a link points to. */
  readonly target: string | undefined;
  readonly license: unknown;
  readonly dev: boolean;
  readonly optional: boolean;
  readonly hasInstallScript: boolean;
  /** Names that it asks for at run time, peers and optional ones included. */
  readonly wants: readonly string[];
  /** Names that it asks for while it is developed; only the project and its workspaces install these. */
  readonly wantsInDevelopment: readonly string[];
}

export interface Lockfile {
  readonly lockfileVersion: number;
  readonly name: string;
  readonly version: string;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface LockfileOnDisk extends Lockfile {
  readonly file: string;
  /** The folder that the paths of the entries start from. */
  readonly root: string;
  readonly sha256: string;
}

/** Reads a package-lock.json by its absolute path. Refuses, saying what to do, what it cannot report on. */
export async function readLockfile(file: string, signal?: AbortSignal): Promise<LockfileOnDisk> {
  const bytes = await readBounded(file, signal);
  const lockfile = parseLockfile(bytes.toString("utf8"), file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { ...lockfile, file, root: dirname(file), sha256 };
}

/** Turns the text of a lockfile (version 2 or 3) into entries; `file` is for messages. */
export function parseLockfile(text: string, file: string): Lockfile {
  const root = parseObject(text, file);
  const lockfileVersion = root["lockfileVersion"];
  if (lockfileVersion !== 2 && lockfileVersion !== 3) throw unknownVersion(lockfileVersion, file);
  const packages = asObject(root["packages"]);
  if (packages === undefined) throw new InputError("invalid_input", `${file} has no "packages" object`);
  const entries = new Map<string, Entry>();
  for (const [path, value] of Object.entries(packages)) {
    const fields = asObject(value);
    if (path.length > limits.pathCharsMax) {
      throw new InputError("limit_exceeded", `${file} has a path of ${path.length} characters`);
    }
    if (fields === undefined) {
      throw new InputError(
        "invalid_input",
        `${file}: the entry ${JSON.stringify(clip(path))} is not an object`,
      );
    }
    entries.set(path, toEntry(path, fields));
  }
  const project = entries.get("");
  const name = textOr(root["name"], project?.name ?? "");
  return { lockfileVersion, name: clip(name || "unnamed"), version: project?.version ?? "", entries };
}

/** The installed third-party packages: neither the project, nor its workspaces, nor links to them. */
export function packagesOf(lockfile: Lockfile): Entry[] {
  return [...lockfile.entries.values()].filter((entry) => entry.kind === "package");
}

async function readBounded(file: string, signal?: AbortSignal): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > limits.lockfileBytesMax) throw tooLarge(file, size);
    return await readFile(file, signal === undefined ? {} : { signal });
  } catch (error) {
    throw explainRead(error, file);
  }
}

function explainRead(error: unknown, file: string): unknown {
  switch (systemCode(error)) {
    case "ENOENT":
    case "ENOTDIR": {
      const make = "make one with `npm install --package-lock-only`";
      const hint = `give the path of a package-lock.json as \`lockfile\`, or ${make}`;
      return new InputError("not_found", `there is no lockfile at ${file}: ${hint}`, error);
    }
    case "EISDIR":
      return new InputError(
        "invalid_input",
        `${file} is a folder: give the path of the package-lock.json in it`,
        error,
      );
    case "EACCES":
    case "EPERM":
      return new InputError("invalid_input", `${file} cannot be read: permission denied`, error);
    default:
      return error;
  }
}

function tooLarge(file: string, bytes: number): InputError {
  const shown = `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return new InputError(
    "limit_exceeded",
    `${file} is ${shown}; the limit is ${limits.lockfileBytesMax / 1024 / 1024} MiB`,
  );
}

function unknownVersion(version: unknown, file: string): InputError {
  const known = "the report reads 2 and 3";
  if (version === 1) {
    const hint = "`npm install --package-lock-only` with npm 7 or newer upgrades it";
    return new InputError("invalid_input", `${file} has lockfileVersion 1; ${known}: ${hint}`);
  }
  if (version === undefined) {
    return new InputError("invalid_input", `${file} has no lockfileVersion: is it a package-lock.json?`);
  }
  const shown = clip(JSON.stringify(version) ?? "nothing", 40);
  return new InputError("invalid_input", `${file} has lockfileVersion ${shown}; ${known}`);
}

function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    // Windows editors put a byte order mark before the first brace.
    value = JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
  } catch (error) {
    const said = error instanceof Error ? clip(error.message) : "";
    throw new InputError("invalid_input", `${file} is not JSON: ${said}`, error);
  }
  const object = asObject(value);
  if (object === undefined) throw new InputError("invalid_input", `${file} does not hold a JSON object`);
  return object;
}

function toEntry(path: string, fields: Record<string, unknown>): Entry {
  const link = fields["link"] === true;
  return {
    path,
    name: clip(textOr(fields["name"], nameOfPath(path)), limits.nameCharsMax),
    version: clip(textOr(fields["version"], ""), 64),
    kind: kindOf(path, link),
    target: link ? textOr(fields["resolved"], "") : undefined,
    license: fields["license"],
    dev: fields["dev"] === true,
    optional: fields["optional"] === true || fields["devOptional"] === true,
    hasInstallScript: fields["hasInstallScript"] === true,
    wants: keysOf(fields["dependencies"], fields["optionalDependencies"], fields["peerDependencies"]),
    wantsInDevelopment: keysOf(fields["devDependencies"]),
  };
}

function kindOf(path: string, link: boolean): Entry["kind"] {
  if (path === "") return "project";
  if (link) return "link";
  return path.startsWith("node_modules/") || path.includes("/node_modules/") ? "package" : "workspace";
}

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
function nameOfPath(path: string): string {
  const marker = "node_modules/";
  const at = path.lastIndexOf(marker);
  return at < 0 ? path : path.slice(at + marker.length);
}

function keysOf(...maps: unknown[]): string[] {
  return [...new Set(maps.flatMap((map) => Object.keys(asObject(map) ?? {})))];
}

/** A JSON object, else undefined. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
