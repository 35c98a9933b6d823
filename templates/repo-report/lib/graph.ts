/** Who reaches whom, by the way Node looks packages up: in the own node_modules, then in those above. */
import { InputError } from "./input-error.ts";
import { clip, limits } from "./limits.ts";
import type { Entry, Lockfile } from "./lockfile.ts";
import { byText } from "./order.ts";

export interface Graph {
  /** Steps on the shortest way from the project; the project's own wishes and its workspaces are 1. */
  depthOf(path: string): number | undefined;
  /** Names on a shortest way, from the first after the project to the package itself. */
  wayTo(path: string): string[];
  /** Labels of those that ask for this very copy, sorted. */
  wantedBy(path: string): string[];
}

/** Walks the lockfile breadth first. What nothing asks for has no depth. */
export function buildGraph(lockfile: Lockfile): Graph {
  const depths = new Map<string, number>([["", 0]]);
  const parents = new Map<string, string>();
  const askers = new Map<string, Set<string>>();
  const queue = [""];
  for (let at = 0; at < queue.length; at++) {
    const from = queue[at] ?? "";
    for (const to of neighbours(lockfile, from)) {
      noteAsker(askers, to, labelOf(lockfile.entries.get(from)));
      if (depths.has(to)) continue;
      depths.set(to, nextDepth(depths.get(from) ?? 0));
      parents.set(to, from);
      queue.push(to);
    }
  }
  return {
    depthOf: (path) => depths.get(path),
    wayTo: (path) => walkUp(path, parents).map((step) => labelOf(lockfile.entries.get(step))),
    wantedBy: (path) => [...(askers.get(path) ?? [])].sort(byText),
  };
}

/** The copy that `from` gets when it asks for `name`, links followed; undefined when none is installed. */
export function lookUp(entries: ReadonlyMap<string, Entry>, from: string, name: string): string | undefined {
  for (const folder of foldersAbove(from)) {
    const found = entries.get(folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`);
    if (found !== undefined) return found.kind === "link" ? found.target : found.path;
  }
  return undefined;
}

function neighbours(lockfile: Lockfile, from: string): string[] {
  const entry = lockfile.entries.get(from);
  if (entry === undefined) return [];
  const own = entry.kind === "project" || entry.kind === "workspace";
  const names = own ? [...entry.wants, ...entry.wantsInDevelopment] : entry.wants;
  const found = names.map((name) => lookUp(lockfile.entries, from, name));
  const all = entry.kind === "project" ? [...found, ...workspacesOf(lockfile)] : found;
  return [...new Set(all.filter((path) => path !== undefined))].sort(byText);
}

function workspacesOf(lockfile: Lockfile): string[] {
  return [...lockfile.entries.values()]
    .filter((entry) => entry.kind === "workspace")
    .map((entry) => entry.path);
}

/** `a/node_modules/b` looks in itself, then in `a/node_modules`'s owner `a`, then at the top. */
function foldersAbove(path: string): string[] {
  const folders = [path];
  let rest = path;
  while (rest !== "") {
    const slash = rest.lastIndexOf("/");
    rest = slash < 0 ? "" : rest.slice(0, slash);
    const last = rest.slice(rest.lastIndexOf("/") + 1);
    if (last !== "node_modules") folders.push(rest);
  }
  return folders;
}

function nextDepth(depth: number): number {
  if (depth < limits.depthMax) return depth + 1;
  throw new InputError(
    "limit_exceeded",
    `a chain of dependencies is more than ${limits.depthMax} packages long`,
  );
}

function noteAsker(askers: Map<string, Set<string>>, path: string, label: string): void {
  const known = askers.get(path);
  if (known === undefined) askers.set(path, new Set([label]));
  else known.add(label);
}

function walkUp(path: string, parents: ReadonlyMap<string, string>): string[] {
  const way: string[] = [];
  let at: string | undefined = path;
  while (at !== undefined && at !== "") {
    way.unshift(at);
    at = parents.get(at);
  }
  return way;
}

function labelOf(entry: Entry | undefined): string {
  if (entry === undefined) return "?";
  if (entry.kind === "project") return "the project";
  return clip(entry.version === "" ? entry.name : `${entry.name}@${entry.version}`, 100);
}
