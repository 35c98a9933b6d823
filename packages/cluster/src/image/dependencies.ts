/**
 * What npm installs for a project in its image: the production dependencies, without the packages that `af`
 * brings itself, so that the project always gets those that fit the worker. Pure; it also runs within builds.
 */
import { type LockEntry, type LockFile, type Names, type PackageFile } from "./parse-package.ts";
import { parseLock, parsePackage } from "./parse-package.ts";

export interface PackageTexts {
  readonly package: string | undefined;
  readonly lock: string | undefined;
}

export interface Filtered {
  readonly package: string;
  readonly lock: string | undefined;
  /** How many production dependencies are left; with none npm is not needed. */
  readonly count: number;
}

export function withoutOurs(texts: PackageTexts): Filtered {
  const file = reduced(parsePackage(texts.package ?? "{}", "package.json"));
  const lock = texts.lock === undefined ? undefined : reducedLock(parseLock(texts.lock, "package-lock.json"));
  const named = { ...file.dependencies, ...file.optionalDependencies };
  const workspaces = file.workspaces === undefined ? 0 : 1;
  return {
    package: text(file),
    lock: lock === undefined ? undefined : text(lock),
    count: Object.keys(named).length + workspaces,
  };
}

/** A package.json of the project that is not at its root: a workspace, or what `file:` names. */
export function localPackage(content: string, file: string): string {
  return text(reduced(parsePackage(content, file)));
}

/** Paths that `file:` names in production dependencies, as they stand there. */
export function localPaths(
  content: string,
  file: string,
): { readonly name: string; readonly path: string }[] {
  const { dependencies, optionalDependencies } = reduced(parsePackage(content, file));
  return Object.entries({ ...dependencies, ...optionalDependencies }).flatMap(([name, version]) => {
    const path =
      /^(?:file:|link:)(.*)$/.exec(version)?.[1] ?? (/^(\.{0,2}\/|~\/)/.test(version) ? version : "");
    return path === "" ? [] : [{ name, path }];
  });
}

/** Without scripts: they would run where the project's code is not. */
function reduced(file: PackageFile): PackageFile {
  const { devDependencies: _dev, scripts: _scripts, ...rest } = { scripts: undefined, ...file };
  return { ...rest, ...withoutOursIn(rest) };
}

const isOurs = (name: string): boolean => name.startsWith("@agentflow/");
const groups = ["dependencies", "optionalDependencies", "peerDependencies"] as const;

function withoutOursIn(entry: PackageFile | LockEntry): Pick<PackageFile, (typeof groups)[number]> {
  const kept = groups.flatMap((group) => {
    const names = entry[group];
    if (names === undefined) return [];
    return [[group, Object.fromEntries(Object.entries(names).filter(([name]) => !isOurs(name)))] as const];
  });
  return Object.fromEntries<Names>(kept);
}

/** Only what production dependencies of the root and its workspaces lead to. */
function reducedLock(lock: LockFile): LockFile {
  const { packages } = lock;
  const kept = new Set<string>([""]);
  const open = ["", ...workspacesIn(packages)];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    kept.add(path);
    const entry = packages[path];
    if (entry === undefined) continue;
    const { link, resolved } = entry;
    const next = link === true && resolved !== undefined ? [resolved] : neededBy(packages, path);
    open.push(...next.filter((one) => !kept.has(one)));
  }
  const entries = Object.keys(packages)
    .filter((path) => kept.has(path))
    .map((path): [string, LockEntry] => {
      const { devDependencies: _dev, ...entry } = packages[path] ?? {};
      return [path, { ...entry, ...withoutOursIn(entry) }];
    });
  const { dependencies: _old, ...rest } = { dependencies: undefined, ...lock };
  return { ...rest, lockfileVersion: 3, packages: Object.fromEntries(entries) };
}

type Entries = LockFile["packages"];

/** Links at the top that no dependency need name: npm makes one for each workspace. */
function workspacesIn(packages: Entries): string[] {
  const root = packages[""];
  const isWorkspaced = root !== undefined && "workspaces" in root;
  if (!isWorkspaced) return [];
  return Object.entries(packages).flatMap(([path, { link, resolved = "" }]) => {
    const name = path.replace(/^node_modules\//, "");
    const inside = !resolved.startsWith("..") && !resolved.startsWith("/");
    return link === true && inside && !isOurs(name) && !name.includes("node_modules/") ? [path] : [];
  });
}

function neededBy(packages: Entries, path: string): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = packages[path] ?? {};
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return names.filter((name) => !isOurs(name)).flatMap((name) => findFrom(packages, path, name) ?? []);
}

/** Where Node looks from a place of the lock file: upwards, folder by folder. */
function findFrom(packages: Entries, path: string, name: string): string | undefined {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const place = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (!at.endsWith("node_modules") && Object.hasOwn(packages, place)) return place;
    if (at === "") return undefined;
  }
}

function text(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
