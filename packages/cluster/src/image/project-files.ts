/** The context of a project's image: its code, and apart from it what its dependencies are installed from. */
import { AgentFlowError } from "@agentflow/protocol";
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import type { ContextFile } from "./context.ts";
import { localPackage, localPaths, withoutOurs } from "./dependencies.ts";
import { type IgnoreRules, ignoreRules } from "./ignore.ts";
import { isWritten } from "./written.ts";

export interface ProjectContext {
  readonly code: readonly ContextFile[];
  readonly dependencies: readonly ContextFile[];
  /** What a person should know, such as a missing lock file. */
  readonly notes: readonly string[];
}

/** Reads the project's folder; refuses links and dependencies that lead out of it. */
export function projectContext(folder: string): ProjectContext {
  const rules = ignoreRules(readIfThere(folder, ".afignore") ?? readIfThere(folder, ".dockerignore"));
  const files = walk(folder, rules);
  const code = files.map((file) => ({ ...file, path: `code/${file.path}` }));
  return { code, ...dependenciesOf(folder, files) };
}

function dependenciesOf(folder: string, files: readonly ContextFile[]): Omit<ProjectContext, "code"> {
  const root = readIfThere(folder, "package.json");
  const at = (path: string, text: string): ContextFile => ({ path: `dependencies/${path}`, from: { text } });
  if (root === undefined) return { dependencies: [at("package.json", "{}\n")], notes: [] };
  const filtered = withoutOurs({ package: root, lock: readIfThere(folder, "package-lock.json") });
  if (filtered.count === 0) return { dependencies: [at("package.json", "{}\n")], notes: [] };
  const dependencies = [at("package.json", filtered.package)];
  if (filtered.lock !== undefined) dependencies.push(at("package-lock.json", filtered.lock));
  const packages = files.filter(({ path }) => path.endsWith("package.json"));
  for (const { path } of packages) {
    const text = readFileSync(join(folder, path), "utf8");
    if (path !== "package.json") dependencies.push(at(path, localPackage(text, path)));
    for (const local of localPaths(text, path))
      dependencies.push(...archiveAt(folder, { ...local, path, to: local.path }));
  }
  const notes = filtered.lock === undefined ? [noLock(folder)] : [];
  return { dependencies, notes };
}

interface Local {
  readonly name: string;
  /** The package.json that names it. */
  readonly path: string;
  readonly to: string;
}

/** A folder comes with the code; an archive is needed already when npm installs it. */
function archiveAt(folder: string, { name, path, to }: Local): ContextFile[] {
  const target = resolve(folder, dirname(path), to);
  const inside = relative(folder, target).split(sep).join("/");
  if (inside.startsWith("..") || inside === "" || posix.isAbsolute(inside)) {
    throw new AgentFlowError(
      "invalid_project",
      `${name} is taken from ${to}, which is outside of the project`,
      {
        reason: "dependency_outside",
        details: { file: path, dependency: name, path: to },
        suggestions: [
          "move it into the project, or publish it to a registry",
          `or pack it: npm pack ${to} && npm install ./${name.replace(/^@/, "").replace("/", "-")}-*.tgz`,
        ],
      },
    );
  }
  const found = statSync(target, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return [];
  return [{ path: `dependencies/${inside}`, from: { file: target }, size: found.size }];
}

function noLock(folder: string): string {
  const other = ["pnpm-lock.yaml", "yarn.lock", "bun.lock"].find((name) => existsSync(join(folder, name)));
  const why = other === undefined ? "there is no package-lock.json" : `${other} is not read`;
  return `${why}: dependencies are those that npm finds now; npm install --package-lock-only keeps them`;
}

function walk(folder: string, rules: IgnoreRules): ContextFile[] {
  const files: ContextFile[] = [];
  const open = [""];
  for (let below = open.pop(); below !== undefined; below = open.pop()) {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!rules.closes(path) && !isWritten(join(folder, path))) open.push(path);
      } else if (!rules.ignores(path)) {
        const file = join(folder, path);
        if (entry.isSymbolicLink()) files.push(linkAt(folder, path));
        else if (entry.isFile()) {
          const { size, mode } = statSync(file);
          files.push({ path, from: { file }, size, executable: (mode & 0o100) !== 0 });
        }
      }
    }
  }
  return files;
}

function linkAt(folder: string, path: string): ContextFile {
  const link = readlinkSync(join(folder, path));
  const inside = relative(folder, resolve(folder, dirname(path), link));
  if (!inside.startsWith("..") && !posix.isAbsolute(link)) return { path, from: { link } };
  throw new AgentFlowError(
    "invalid_project",
    `${path} is a link to ${link}, which will not be in the image`,
    {
      reason: "link_outside",
      details: { file: path, link },
      suggestions: [`copy what it leads to into the project, or leave it out: echo ${path} >> .afignore`],
    },
  );
}

function readIfThere(folder: string, name: string): string | undefined {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
