/** The packages of this installation of `af`, and which of their files run. */
import { AgentFlowError } from "@agentflow/protocol";
import { readFileSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Packages, type Placed, closureOf } from "./closure.ts";
import type { ContextFile } from "./context.ts";
import { type PackageFile, parsePackage } from "./parse-package.ts";

/** The files of the images of control plane and worker: `af` and all it needs, below `app/node_modules`. */
export function installedFiles(cli: string): ContextFile[] {
  const { placed, missing } = closureOf(realpathSync(cli), packagesOnDisk());
  const [first] = missing;
  if (first !== undefined) {
    throw new AgentFlowError("unavailable", `${first.name}, which ${first.by} needs, is not installed`, {
      reason: "installation_incomplete",
      details: { where: cli, missing: missing.map(({ name }) => name) },
      suggestions: ["install af anew: npm install"],
    });
  }
  return placed.flatMap(filesOf);
}

/** Where the command line is installed that this package came with. */
export function cliFolder(): string {
  const here = fileURLToPath(new URL("../..", import.meta.url));
  // Side by side in a checkout and in node_modules; else as Node finds it.
  const found =
    [join(here, "..", "cli")].find((folder) => nameOf(folder) === "@agentflow/cli") ??
    findUp(here, "@agentflow/cli");
  if (found !== undefined) return found;
  throw new AgentFlowError("internal", "the command line that images are made from was not found", {
    reason: "installation_incomplete",
    details: { where: here },
  });
}

function packagesOnDisk(): Packages {
  const read = new Map<string, PackageFile>();
  return {
    read(folder) {
      const known = read.get(folder);
      if (known !== undefined) return known;
      const file = join(folder, "package.json");
      const found = parsePackage(readFileSync(file, "utf8"), file);
      read.set(folder, found);
      return found;
    },
    find: (from, name) => findUp(from, name),
  };
}

function findUp(from: string, name: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, "node_modules", name);
    if (statSync(join(folder, "package.json"), { throwIfNoEntry: false })?.isFile() === true) {
      return realpathSync(folder);
    }
    if (dirname(at) === at) return undefined;
  }
}

function nameOf(folder: string): string | undefined {
  try {
    return parsePackage(readFileSync(join(folder, "package.json"), "utf8"), folder).name;
  } catch {
    return undefined;
  }
}

function filesOf({ name, folder, at }: Placed): ContextFile[] {
  const ours = name.startsWith("@agentflow/");
  const files: ContextFile[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (!runs(path, ours)) continue;
      const file = join(folder, path);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) {
        files.push({ path: `app/${at}/${path}`, from: { file }, size: statSync(file).size });
      }
    }
  };
  walk("");
  return files;
}

const neverNeeded = /^(\.|(test|tests|__tests__|spec|doc|docs|example|examples|benchmark|benchmarks|man)$)/;
const notCode = /\.(map|ts|mts|cts|md|markdown|flow|tsbuildinfo|node|gyp|cc|h)$/i;
const ofOurs = /^(bin|dist|schemas|package\.json|oclif\.manifest\.json|LICENSE)($|\/)/;

/**
 * Whether a file of a package is of use where it runs. Types, maps and docs are not, nor is
 * TypeScript: Node runs none below node_modules.
 */
export function runs(path: string, ours: boolean): boolean {
  const [top = ""] = path.split("/");
  if (ours) return ofOurs.test(path) && !/(\.map|\.d\.[cm]?ts|\.tsbuildinfo|\.test\.js)$/.test(path);
  if (top === "node_modules" || neverNeeded.test(top)) return false;
  return !notCode.test(path) || /\blicen[cs]e/i.test(path);
}
