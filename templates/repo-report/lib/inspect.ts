import { fitLists } from "./fit.ts";
import type { Graph } from "./graph.ts";
import { licenceOf } from "./licence.ts";
import { clip, limits } from "./limits.ts";
import type { Entry } from "./lockfile.ts";
import type { Installed } from "./installed.ts";
import { byText, gather, sum, tally } from "./order.ts";
import type {
  Attention,
  Duplicate,
  GroupFacts,
  InstallScript,
  LicenceClass,
  LicenceCount,
  PackageSize,
} from "./shapes.ts";
import type { Licence } from "./spdx.ts";

/** A package with all that the lockfile and the disk say about it. */
export interface Subject {
  readonly entry: Entry;
  readonly licence: Licence;
  readonly depth: number | undefined;
  readonly installed: Installed | undefined;
}

/** Joins an entry with its installed copy. The lockfile's licence wins; the installed manifest fills in. */
export function subjectOf(entry: Entry, graph: Graph, installed: Installed | undefined): Subject {
  const declared = licenceOf({ license: entry.license });
  const licence =
    declared.class === "missing" && installed !== undefined ? licenceOf(installed.manifest) : declared;
  return { entry, licence, depth: graph.depthOf(entry.path), installed };
}

/** All facts about one group. `of` is the number of groups, which share the room of the next step's input. */
export function inspectGroup(
  group: { id: number; of: number },
  subjects: readonly Subject[],
  graph: Graph,
): GroupFacts {
  const duplicates = duplicatesOf(subjects, graph);
  const scripts = subjects.flatMap(scriptOf);
  const reachable = subjects.flatMap(({ depth }) => (depth === undefined ? [] : [depth]));
  const lists = {
    licences: countLicences(subjects),
    attention: subjects
      .filter(({ licence }) => licence.class !== "permissive")
      .map(attentionOf)
      .sort(byConcern),
    duplicates: duplicates.sort(byVersions),
    installScripts: scripts.sort(bySurprise),
    largest: largestOf(subjects),
  };
  return {
    group: group.id,
    packages: subjects.length,
    names: new Set(subjects.map(({ entry }) => entry.name)).size,
    classes: countClasses(subjects.map(({ licence }) => licence.class)),
    duplicateNames: duplicates.length,
    spareBytes: sum(duplicates.map((duplicate) => duplicate.spareBytes)),
    scriptPackages: scripts.length,
    measured: subjects.filter(({ installed }) => installed !== undefined).length,
    bytes: sum(subjects.map(({ installed }) => installed?.bytes ?? 0)),
    files: sum(subjects.map(({ installed }) => installed?.files ?? 0)),
    depths: [...tally(reachable)]
      .map(([depth, packages]) => ({ depth, packages }))
      .sort((a, b) => a.depth - b.depth),
    unreachable: subjects.length - reachable.length,
    orphans: orphansOf(subjects),
    deepest: deepestOf(subjects, graph),
    ...fitLists(lists, Math.floor(limits.groupBytesAllMax / group.of)),
  };
}

const concern: readonly LicenceClass[] = [
  "strong-copyleft",
  "missing",
  "unknown",
  "weak-copyleft",
  "permissive",
];

/** What needs a decision most comes first; development only after what is shipped. */
export function byConcern(a: Attention, b: Attention): number {
  const first = concern.indexOf(a.class) - concern.indexOf(b.class);
  return first || Number(a.dev) - Number(b.dev) || byText(a.name, b.name) || byText(a.version, b.version);
}

/** More versions first, then more copies. */
export function byVersions(a: Duplicate, b: Duplicate): number {
  return b.versions.length - a.versions.length || b.copies - a.copies || byText(a.name, b.name);
}

/** Scripts that the lockfile does not announce come first. */
export function bySurprise(a: InstallScript, b: InstallScript): number {
  return Number(a.announced) - Number(b.announced) || byText(a.name, b.name) || byText(a.path, b.path);
}

export function countClasses(classes: readonly LicenceClass[]): Record<LicenceClass, number> {
  const counts = tally(classes);
  const of = (kind: LicenceClass): number => counts.get(kind) ?? 0;
  return {
    permissive: of("permissive"),
    "weak-copyleft": of("weak-copyleft"),
    "strong-copyleft": of("strong-copyleft"),
    unknown: of("unknown"),
    missing: of("missing"),
  };
}

function countLicences(subjects: readonly Subject[]): LicenceCount[] {
  return [...gather(subjects, ({ licence }) => licence.text)]
    .map(([licence, of]) => ({ licence, class: of[0]?.licence.class ?? "unknown", packages: of.length }))
    .sort((a, b) => b.packages - a.packages || byText(a.licence, b.licence));
}

function attentionOf({ entry, licence, installed }: Subject): Attention {
  const { name, version, dev } = entry;
  return {
    name,
    version,
    licence: licence.text,
    class: licence.class,
    dev,
    installed: installed !== undefined,
  };
}

function duplicatesOf(subjects: readonly Subject[], graph: Graph): Duplicate[] {
  return [...gather(subjects, ({ entry }) => entry.name)]
    .map(([name, copies]) => duplicateOf(name, copies, graph))
    .filter((duplicate) => duplicate.versions.length > 1);
}

function duplicateOf(name: string, copies: readonly Subject[], graph: Graph): Duplicate {
  const sizes = copies.map(({ installed }) => installed?.bytes ?? 0);
  const versions = [...gather(copies, ({ entry }) => entry.version)].map(([version, of]) => ({
    version,
    paths: of.map(({ entry }) => clip(entry.path)).slice(0, limits.pathsPerVersionMax),
    wantedBy: askersOf(of, graph),
  }));
  return {
    name,
    versions: versions.sort((a, b) => byText(a.version, b.version)),
    copies: copies.length,
    dev: copies.every(({ entry }) => entry.dev),
    spareBytes: sum(sizes) - sizes.reduce((largest, size) => Math.max(largest, size), 0),
  };
}

function askersOf(copies: readonly Subject[], graph: Graph): string[] {
  const all = new Set(copies.flatMap(({ entry }) => graph.wantedBy(entry.path)));
  return [...all].sort(byText).slice(0, limits.wantedByMax);
}

function scriptOf({ entry, installed }: Subject): InstallScript[] {
  const scripts = installed?.scripts ?? [];
  if (!entry.hasInstallScript && scripts.length === 0) return [];
  return [
    {
      name: entry.name,
      version: entry.version,
      path: clip(entry.path),
      dev: entry.dev,
      optional: entry.optional,
      announced: entry.hasInstallScript,
      installed: installed !== undefined,
      scripts: [...scripts],
    },
  ];
}

function largestOf(subjects: readonly Subject[]): PackageSize[] {
  return subjects
    .flatMap(sizeOf)
    .sort((a, b) => b.bytes - a.bytes || byText(a.path, b.path))
    .slice(0, limits.largestPerGroup);
}

function sizeOf({ entry, installed }: Subject): PackageSize[] {
  if (installed === undefined) return [];
  const { name, version, dev } = entry;
  return [{ name, version, path: clip(entry.path), dev, bytes: installed.bytes, files: installed.files }];
}

function orphansOf(subjects: readonly Subject[]): string[] {
  const orphans = subjects.filter(({ depth }) => depth === undefined);
  return orphans.map(({ entry }) => `${entry.name}@${entry.version}`).slice(0, limits.orphansShown);
}

function deepestOf(subjects: readonly Subject[], graph: Graph): string[] {
  let deepest: Subject | undefined;
  for (const subject of subjects) if ((subject.depth ?? -1) > (deepest?.depth ?? -1)) deepest = subject;
  return deepest?.depth === undefined ? [] : graph.wayTo(deepest.entry.path);
}
