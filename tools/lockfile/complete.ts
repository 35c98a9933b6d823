/**
 * npm leaves an optional package out of the lockfile when the registry it asked does not offer it, and then
 * `npm ci` refuses that lockfile everywhere. This puts such entries in: their versions are pinned exactly by
 * the package that wants them, and where they do not belong npm skips them by system.
 */
export interface Lock {
  readonly packages: Readonly<Record<string, Entry>>;
  readonly [key: string]: unknown;
}

export interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[] | string;
  readonly cpu?: readonly string[] | string;
  readonly libc?: readonly string[] | string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/** The lockfile with an entry for every optional package. Refuses one without exact version or system. */
export function completeLock(lock: Lock): Lock {
  const all = new Map(Object.entries(lock.packages));
  for (const { name, version, wantedBy } of missingFrom(lock)) {
    all.set(placeFor(lock, name, wantedBy), entryFor(name, version, lock.packages[wantedBy]?.dev === true));
  }
  // npm's own order, so that its next write moves nothing.
  const packages = Object.fromEntries([...all].toSorted(([a], [b]) => a.localeCompare(b, "en")));
  return { ...lock, packages };
}

export interface Missing {
  readonly name: string;
  readonly version: string;
  /** The entry that asks for it. */
  readonly wantedBy: string;
}

/** Optional packages that some entry asks for and no entry describes. */
export function missingFrom({ packages }: Lock): Missing[] {
  return Object.entries(packages).flatMap(([wantedBy, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !homesOf(wantedBy).some((home) => `${home}node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, wantedBy })),
  );
}

/** The folders in which Node looks for what a package needs: its own, then those around it. */
function homesOf(path: string): string[] {
  const homes = path === "" ? [] : [`${path}/`];
  for (let at = path.lastIndexOf("node_modules/"); at > 0; at = path.lastIndexOf("node_modules/", at - 1)) {
    homes.push(path.slice(0, at));
  }
  return [...homes, ""];
}

function placeFor({ packages }: Lock, name: string, wantedBy: string): string {
  const top = `node_modules/${name}`;
  return top in packages ? `${wantedBy}/${top}` : top;
}

function entryFor(name: string, version: string, dev: boolean): Entry {
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name} is wanted as ${version}: no exact version`);
  const keys = { ...systemOf(name), ...(dev ? { dev } : {}), optional: true };
  // Keys by the alphabet behind the version, as npm writes them.
  return {
    version,
    ...Object.fromEntries(Object.entries(keys).toSorted(([a], [b]) => a.localeCompare(b, "en"))),
  };
}

const systems: readonly [RegExp, string][] = [
  [/win32|windows/, "win32"],
  ...["android", "darwin", "freebsd", "linux", "openharmony"].map((os): [RegExp, string] => [RegExp(os), os]),
];
const processors: readonly [RegExp, string][] = [
  ...["arm64", "riscv64", "ppc64", "loong64"].map((cpu): [RegExp, string] => [RegExp(cpu), cpu]),
  ...["s390x", "ia32", "arm"].map((cpu): [RegExp, string] => [RegExp(cpu), cpu]),
  [/64$|64-/, "x64"],
];

/** Which system a binary is for, by the words its name ends in: `binding-linux-x64-musl`. */
export function systemOf(name: string): Pick<Entry, "os" | "cpu" | "libc"> {
  const os = systems.find(([word]) => word.test(name))?.[1];
  const cpu = processors.find(([word]) => word.test(name))?.[1];
  if (os === undefined || cpu === undefined) throw new Error(`cannot tell which system ${name} is for`);
  return { cpu: [cpu], ...(name.includes("musl") ? { libc: ["musl"] } : {}), os: [os] };
}
