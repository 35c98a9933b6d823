import { fitItems } from "./fit.ts";
import { bytesText, countText, listText } from "./format.ts";
import { limits } from "./limits.ts";
import { byText, gather } from "./order.ts";
import type {
  Attention,
  Duplicate,
  Facts,
  Finding,
  InstallScript,
  PackageSize,
  Ranking,
  Severity,
} from "./shapes.ts";

/** Findings by score, ties by id. The same facts give the same list, byte for byte. */
export function rankFindings(facts: Facts): Ranking {
  const all = [
    ...licenceFindings(facts),
    ...facts.installScripts.map(scriptFinding),
    ...facts.duplicates.map(duplicateFinding),
    ...sizeFindings(facts),
    ...depthFindings(facts),
  ].sort((a, b) => b.score - a.score || byText(a.id, b.id));
  const findings = fitItems(all, limits.rankingBytesMax);
  const count = (severity: Severity): number => all.filter((finding) => finding.severity === severity).length;
  return {
    counts: { high: count("high"), medium: count("medium"), low: count("low") },
    findings,
    omitted: all.length - findings.length,
  };
}

type Draft = Omit<Finding, "severity">;

function finding(draft: Draft): Finding {
  const score = Math.max(0, Math.min(100, Math.round(draft.score)));
  return { ...draft, score, severity: severityOf(score) };
}

function severityOf(score: number): Severity {
  if (score >= 70) return "high";
  return score >= 40 ? "medium" : "low";
}

/** One finding for each licence and each side (shipped or development), not one for each package. */
function licenceFindings(facts: Facts): Finding[] {
  const alike = gather(facts.attention, (of) => JSON.stringify([of.licence, of.dev, ruleOf(of)]));
  return [...alike.values()].flatMap((found) =>
    found[0] === undefined ? [] : [licenceFinding(found[0], found)],
  );
}

type RuleName = Exclude<Attention["class"], "permissive"> | "not-asked";

interface LicenceRule {
  readonly score: number;
  readonly title: (licence: string) => string;
  readonly why: string;
  readonly todo: string;
}

const licenceRules: Readonly<Record<RuleName, LicenceRule>> = {
  "strong-copyleft": {
    score: 82,
    title: (licence) => `Strong copyleft: ${licence}`,
    why: "Distributing a product that contains it can oblige you to publish the product's source.",
    todo: "Replace it, buy another licence, or have the use approved in writing.",
  },
  missing: {
    score: 62,
    title: () => "No licence declared",
    why: "Without a licence nobody has the right to use it, whatever the author meant.",
    todo: "Look for a LICENSE file in the package, or ask the author to declare one.",
  },
  "not-asked": {
    score: 36,
    title: () => "No licence in the lockfile",
    why: "It is not installed here, so its own manifest could not be asked.",
    todo: "Run the report where it is installed, or see `npm view NAME license`.",
  },
  unknown: {
    score: 58,
    title: (licence) => `Licence not recognised: ${licence}`,
    why: "It is no SPDX id we know, so nothing can be said about what it allows.",
    todo: "Read the text it refers to and note the decision.",
  },
  "weak-copyleft": {
    score: 34,
    title: (licence) => `Weak copyleft: ${licence}`,
    why: "Fine to use unchanged; changes to its own files must be published.",
    todo: "Keep it unmodified and ship its licence text.",
  },
};

/** A lockfile may lack the licence of what was never installed here; that says nothing about the package. */
function ruleOf(of: Attention): RuleName {
  if (of.class === "missing" && !of.installed) return "not-asked";
  if (of.class === "permissive") throw new TypeError("a permissive licence is no finding");
  return of.class;
}

function licenceFinding(first: Attention, found: readonly Attention[]): Finding {
  const name = ruleOf(first);
  const rule = licenceRules[name];
  const side = first.dev ? "Used in development only." : "Part of what is shipped.";
  return finding({
    id: `licence:${name === "not-asked" ? name : first.licence}:${first.dev ? "development" : "shipped"}`,
    score: rule.score + Math.min(8, found.length - 1) - (first.dev ? 22 : 0),
    title: rule.title(first.licence),
    why: `${rule.why} ${side}`,
    todo: rule.todo,
    packages: labels(found),
  });
}

function scriptFinding(script: InstallScript): Finding {
  const id = `install-script:${script.path}`;
  const packages = [`${script.name}@${script.version}`];
  const commands = listText(
    script.scripts.map(({ event, command }) => `${event}: ${command}`),
    3,
  );
  if (!script.announced) {
    return finding({
      id,
      score: 90,
      title: `Install script that the lockfile does not announce: ${script.name}`,
      why: `What is installed runs "${commands}"; the lockfile says it has no such script.`,
      todo: "Compare the installed copy with the published one; reinstall with `npm ci --ignore-scripts`.",
      packages,
    });
  }
  const known = script.installed && script.scripts.length > 0;
  return finding({
    id,
    score: 60 - (script.dev ? 12 : 0) - (script.optional ? 6 : 0),
    title: `Runs code at install: ${script.name}`,
    why: known ? `Every install runs "${commands}" with your rights.` : notInstalled(script),
    todo: "Install with `--ignore-scripts` and allow this package by name if it needs the script.",
    packages,
  });
}

function notInstalled(script: InstallScript): string {
  return script.installed
    ? "The lockfile announces a script that the installed manifest does not show."
    : "It runs a script with your rights on install; it is not installed here, so which one is not known.";
}

function duplicateFinding(duplicate: Duplicate): Finding {
  const versions = duplicate.versions.map(({ version }) => version);
  const spare =
    duplicate.spareBytes === 0 ? "" : ` One version would spare ${bytesText(duplicate.spareBytes)}.`;
  const askers = duplicate.versions.flatMap(({ version, wantedBy }) =>
    wantedBy[0] === undefined ? [] : [`${version} by ${wantedBy[0]}`],
  );
  const asked = askers.length === 0 ? "" : `: ${listText(askers, 4)}`;
  const sizeWeight = Math.min(12, duplicate.spareBytes / (512 * 1024));
  return finding({
    id: `duplicate:${duplicate.name}`,
    score:
      8 +
      8 * Math.min(5, versions.length - 1) +
      Math.min(6, duplicate.copies) +
      sizeWeight -
      (duplicate.dev ? 6 : 0),
    title: `${versions.length} versions of ${duplicate.name}`,
    why: `${countText(duplicate.copies, "copy", "copies")} of it${asked}.${spare}`,
    todo: "Update whoever asks for the older version, then run `npm dedupe`.",
    packages: versions.slice(0, 6).map((version) => `${duplicate.name}@${version}`),
  });
}

const mebibyte = 1024 * 1024;

function sizeFindings(facts: Facts): Finding[] {
  return facts.largest
    .filter(({ bytes }) => bytes >= 10 * mebibyte)
    .map((large) => sizeFinding(large, facts.bytes));
}

function sizeFinding(large: PackageSize, allBytes: number): Finding {
  const side = large.dev ? "Used in development only." : "Part of what is shipped.";
  return finding({
    id: `size:${large.path}`,
    score: 16 + Math.min(32, large.bytes / (4 * mebibyte)) - (large.dev ? 12 : 0),
    title: `Large: ${large.name} is ${bytesText(large.bytes)}`,
    why: `${countText(large.files, "file")}, ${share(large.bytes, allBytes)} of all on disk. ${side}`,
    todo: large.dev
      ? "Keep it out of production images: `npm ci --omit=dev`."
      : "If only development needs it, move it to devDependencies; else look for a smaller one.",
    packages: [`${large.name}@${large.version}`],
  });
}

function depthFindings(facts: Facts): Finding[] {
  const depth = facts.depths.at(-1)?.depth ?? 0;
  const deep = finding({
    id: "depth",
    score: Math.min(39, 8 + 2 * depth),
    title: `The furthest package is ${depth} steps away`,
    why: `Nobody reviews a chain like ${facts.deepest.join(" → ")}.`,
    todo: "Look at the first link of the chain: it brings in all the others.",
    packages: facts.deepest.slice(-1),
  });
  const orphans = finding({
    id: "unreachable",
    score: 30,
    title: `${countText(facts.unreachable, "package")} that nothing asks for`,
    why: "The lockfile lists them, but no way leads from the project to them.",
    todo: "Run `npm prune`, then commit the lockfile.",
    packages: facts.orphans,
  });
  return [...(depth >= 8 ? [deep] : []), ...(facts.unreachable > 0 ? [orphans] : [])];
}

function labels(found: readonly Attention[]): string[] {
  return [...new Set(found.map(({ name, version }) => `${name}@${version}`))].slice(0, 16);
}

function share(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${((100 * part) / whole).toFixed(0)} %`;
}
