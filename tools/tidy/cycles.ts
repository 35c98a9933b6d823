import type { Finding } from "./finding.ts";
import { joinPath } from "./floors.ts";
import type { Import } from "./imports.ts";
import type { Source } from "./source.ts";

export interface Module {
  readonly source: Source;
  readonly imports: readonly Import[];
}

/** Where `@agentflow/<name>` and its subpaths lead: from a specifier to a source file. */
export type Entries = ReadonlyMap<string, string>;

/**
 * One finding for each knot of files that import each other, at its first file, naming the shortest way
 * round. Types count: two files that need each other's types are one concept in two places.
 */
export function checkCycles(modules: readonly Module[], entries: Entries): Finding[] {
  const byPath = new Map(modules.map((module) => [module.source.path, module]));
  const arrows = new Map(modules.map((module) => [module.source.path, arrowsOf(module, byPath, entries)]));
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const path of [...byPath.keys()].toSorted()) {
    const way = seen.has(path) ? undefined : shortestWayBack(path, arrows);
    if (way === undefined) continue;
    for (const member of knotOf(path, arrows)) seen.add(member);
    const offset = arrows.get(path)?.get(way[1] ?? path) ?? 0;
    const finding = byPath.get(path)?.source.finding(offset, "cycle", `import cycle: ${way.join(" -> ")}`);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

type Arrows = ReadonlyMap<string, ReadonlyMap<string, number>>;

function arrowsOf(module: Module, known: ReadonlyMap<string, Module>, entries: Entries): Map<string, number> {
  const arrows = new Map<string, number>();
  for (const { specifier, offset } of module.imports) {
    const target = specifier.startsWith(".")
      ? joinPath(module.source.path, specifier)
      : entries.get(specifier);
    if (target !== undefined && known.has(target) && !arrows.has(target)) arrows.set(target, offset);
  }
  return arrows;
}

function shortestWayBack(start: string, arrows: Arrows): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of arrows.get(at)?.keys() ?? []) {
      if (next === start) return [...trail(at, cameFrom), start];
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return undefined;
}

function trail(end: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end];
  for (let at = cameFrom.get(end); at !== undefined; at = cameFrom.get(at)) way.unshift(at);
  return way;
}

/** All files that can be reached from this one and lead back to it. */
function knotOf(start: string, arrows: Arrows): string[] {
  const reached = reachable(start, arrows);
  return [...reached].filter((path) => path === start || reachable(path, arrows).has(start));
}

function reachable(start: string, arrows: Arrows): Set<string> {
  const reached = new Set([start]);
  for (const path of reached) for (const next of arrows.get(path)?.keys() ?? []) reached.add(next);
  return reached;
}
