import { fitLists } from "./fit.ts";
import { byConcern, bySurprise, byVersions, countClasses } from "./inspect.ts";
import { limits } from "./limits.ts";
import { byText, gather, sum } from "./order.ts";
import type { Facts, GroupFacts, LicenceCount, Lists, Omitted } from "./shapes.ts";
import { licenceClasses } from "./shapes.ts";

/** One account of all groups. The order in which the groups came makes no difference to it. */
export function mergeFacts(groups: readonly GroupFacts[]): Facts {
  const sorted = [...groups].sort((a, b) => a.group - b.group);
  const total = (of: (facts: GroupFacts) => number): number => sum(sorted.map(of));
  const { omitted, ...lists } = fitLists(mergeLists(sorted), limits.factsBytesMax);
  return {
    packages: total((facts) => facts.packages),
    names: total((facts) => facts.names),
    classes: mergeClasses(sorted),
    duplicateNames: total((facts) => facts.duplicateNames),
    spareBytes: total((facts) => facts.spareBytes),
    scriptPackages: total((facts) => facts.scriptPackages),
    measured: total((facts) => facts.measured),
    bytes: total((facts) => facts.bytes),
    files: total((facts) => facts.files),
    depths: mergeDepths(sorted),
    unreachable: total((facts) => facts.unreachable),
    orphans: sorted.flatMap(({ orphans }) => orphans).slice(0, limits.orphansShown),
    deepest: sorted.reduce<string[]>(
      (best, { deepest }) => (deepest.length > best.length ? deepest : best),
      [],
    ),
    ...lists,
    omitted: addOmitted([...sorted.map((facts) => facts.omitted), omitted]),
  };
}

function mergeLists(groups: readonly GroupFacts[]): Lists {
  return {
    licences: mergeLicences(groups.flatMap(({ licences }) => licences)),
    attention: groups.flatMap(({ attention }) => attention).sort(byConcern),
    duplicates: groups.flatMap(({ duplicates }) => duplicates).sort(byVersions),
    installScripts: groups.flatMap(({ installScripts }) => installScripts).sort(bySurprise),
    largest: groups
      .flatMap(({ largest }) => largest)
      .sort((a, b) => b.bytes - a.bytes || byText(a.path, b.path))
      .slice(0, limits.largestInReport),
  };
}

function mergeLicences(counts: readonly LicenceCount[]): LicenceCount[] {
  return [...gather(counts, ({ licence }) => licence)]
    .map(([licence, of]) => ({
      licence,
      class: of[0]?.class ?? "unknown",
      packages: sum(of.map(({ packages }) => packages)),
    }))
    .sort((a, b) => b.packages - a.packages || byText(a.licence, b.licence));
}

function mergeClasses(groups: readonly GroupFacts[]): Facts["classes"] {
  const merged = countClasses([]);
  for (const kind of licenceClasses) merged[kind] = sum(groups.map(({ classes }) => classes[kind]));
  return merged;
}

function mergeDepths(groups: readonly GroupFacts[]): Facts["depths"] {
  return [
    ...gather(
      groups.flatMap(({ depths }) => depths),
      ({ depth }) => depth,
    ),
  ]
    .map(([depth, of]) => ({ depth, packages: sum(of.map(({ packages }) => packages)) }))
    .sort((a, b) => a.depth - b.depth);
}

function addOmitted(all: readonly Omitted[]): Omitted {
  return {
    licences: sum(all.map(({ licences }) => licences)),
    attention: sum(all.map(({ attention }) => attention)),
    duplicates: sum(all.map(({ duplicates }) => duplicates)),
    installScripts: sum(all.map(({ installScripts }) => installScripts)),
    largest: sum(all.map(({ largest }) => largest)),
  };
}
