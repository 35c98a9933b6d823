/** What lies on disk for a package of the lockfile. Nothing outside the lockfile's folder is looked at. */
import type { Dirent } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { InputError, systemCode } from "./input-error.ts";
import { clip, limits } from "./limits.ts";
import { asObject } from "./lockfile.ts";

export interface Installed {
  readonly manifest: Record<string, unknown>;
  readonly bytes: number;
  readonly files: number;
  /** What npm runs by itself when the package is installed, in that order. */
  readonly scripts: readonly { readonly event: string; readonly command: string }[];
}

/** Manifest, size and install scripts; undefined where the package is not installed, or only linked. */
export async function readInstalled(
  root: string,
  path: string,
  signal?: AbortSignal,
): Promise<Installed | undefined> {
  const folder = resolve(root, path);
  if (!isInside(root, folder) || !(await isFolder(folder))) return undefined;
  const manifest = await readManifest(folder);
  const { bytes, files } = await measure(folder, signal);
  const buildsNative = await isFile(join(folder, "binding.gyp"));
  return { manifest, bytes, files, scripts: scriptsOf(manifest, buildsNative) };
}

/** Whether anything is installed beside the lockfile. */
export function isInstalled(root: string): Promise<boolean> {
  return isFolder(join(root, "node_modules"));
}

/** Regular files; symlinks are neither followed nor counted, packages nested in it count for themselves. */
async function measure(folder: string, signal?: AbortSignal): Promise<{ bytes: number; files: number }> {
  let bytes = 0;
  let files = 0;
  const open = [folder];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    signal?.throwIfAborted();
    for (const child of await listFolder(at)) {
      const path = join(at, child.name);
      if (child.isDirectory() && !(at === folder && child.name === "node_modules")) open.push(path);
      if (!child.isFile()) continue;
      bytes += (await lstat(path)).size;
      files += 1;
      if (files > limits.filesPerPackageMax) throw tooManyFiles(folder);
    }
  }
  return { bytes, files };
}

function listFolder(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true });
}

function tooManyFiles(folder: string): InputError {
  return new InputError("limit_exceeded", `${folder} has more than ${limits.filesPerPackageMax} files`);
}

async function readManifest(folder: string): Promise<Record<string, unknown>> {
  const file = join(folder, "package.json");
  if (!(await isFile(file))) return {};
  if ((await lstat(file)).size > limits.manifestBytesMax) return {};
  try {
    return asObject(JSON.parse(await readFile(file, "utf8"))) ?? {};
  } catch (error) {
    // A broken manifest of somebody else's package is no reason to give no report.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function scriptsOf(manifest: Record<string, unknown>, buildsNative: boolean): Installed["scripts"] {
  const declared = asObject(manifest["scripts"]) ?? {};
  const scripts = ["preinstall", "install", "postinstall"].flatMap((event) => {
    const command = declared[event];
    return typeof command === "string" && command !== "" ? [{ event, command: clip(command, 120) }] : [];
  });
  // npm runs node-gyp by itself when there is a binding.gyp and no script of these two names.
  const implied = buildsNative && !scripts.some(({ event }) => event !== "postinstall");
  return implied ? [{ event: "install", command: "node-gyp rebuild" }, ...scripts] : scripts;
}

/** A lockfile is foreign text: a path in it may not lead out of its folder. */
function isInside(root: string, folder: string): boolean {
  const way = relative(root, folder);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && resolve(root, way) === folder;
}

async function isFolder(path: string): Promise<boolean> {
  return (await statOrNone(path))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await statOrNone(path))?.isFile() ?? false;
}

async function statOrNone(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
    if (code === "ERR_INVALID_ARG_VALUE") return undefined;
    throw error;
  }
}
