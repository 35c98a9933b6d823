/**
 * Which packages run `af`, and where each lies in the image: what its package.json names as dependencies,
 * found as Node finds them, laid out so that Node finds the same ones again. Optional dependencies stay
 * away: they are native code for the machine that installed them.
 */
import type { PackageFile } from "./parse-package.ts";

/** Installed packages as they are seen from the outside. */
export interface Packages {
  read(folder: string): PackageFile;
  /** The real folder of the package that `from` gets when it imports `name`. */
  find(from: string, name: string): string | undefined;
}

export interface Placed {
  readonly name: string;
  /** Its real folder on this machine. */
  readonly folder: string;
  /** `node_modules/a`, or `node_modules/a/node_modules/b` where two versions of b are needed. */
  readonly at: string;
}

interface Closure {
  readonly placed: readonly Placed[];
  /** What is named and not installed. */
  readonly missing: readonly { readonly name: string; readonly by: string }[];
}

export function closureOf(root: string, packages: Packages): Closure {
  const name = packages.read(root).name ?? "";
  const first: Placed = { name, folder: root, at: `node_modules/${name}` };
  const at = new Map([[first.at, root]]);
  const placed: Placed[] = [first];
  const missing: { name: string; by: string }[] = [];
  // It grows while it is walked: breadth first, so that whoever is nearest to the root lies at the top.
  for (const dependent of placed) {
    for (const needed of neededBy(packages.read(dependent.folder))) {
      const folder = packages.find(dependent.folder, needed.name);
      if (folder === undefined) {
        if (!needed.peer) missing.push({ name: needed.name, by: dependent.name });
        continue;
      }
      const seen = seenFrom(dependent.at, needed.name, at);
      if (seen === folder) continue;
      const place = `${seen === undefined ? "" : `${dependent.at}/`}node_modules/${needed.name}`;
      at.set(place, folder);
      placed.push({ name: needed.name, folder, at: place });
    }
  }
  return { placed: placed.toSorted((a, b) => (a.at < b.at ? -1 : 1)), missing };
}

function neededBy(file: PackageFile): { readonly name: string; readonly peer: boolean }[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta } = file;
  // npm writes optional ones among the others too.
  const plain = Object.keys(dependencies).filter((name) => !Object.hasOwn(optionalDependencies, name));
  const peers = Object.keys(peerDependencies).filter(
    (name) => peerDependenciesMeta?.[name]?.optional !== true && !plain.includes(name),
  );
  return [
    ...plain.toSorted().map((name) => ({ name, peer: false })),
    ...peers.toSorted().map((name) => ({ name, peer: true })),
  ];
}

/** What Node would find in the image from there, as far as it is laid out. */
function seenFrom(place: string, name: string, at: ReadonlyMap<string, string>): string | undefined {
  for (let from = place; ; ) {
    const found = at.get(`${from}/node_modules/${name}`);
    if (found !== undefined) return found;
    const cut = from.lastIndexOf("/node_modules/");
    if (cut === -1) return at.get(`node_modules/${name}`);
    from = from.slice(0, cut);
  }
}
