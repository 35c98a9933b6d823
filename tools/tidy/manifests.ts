/** What the package.json files promise: few dependencies where it matters, exact versions everywhere. */
import type { Finding, Rule } from "./finding.ts";
import type { Entries } from "./cycles.ts";

export interface Manifest {
  readonly path: string;
  readonly text: string;
  readonly json: unknown;
}

/** The one runtime dependency from outside that each of these may have. */
const oneDependency: Readonly<Record<string, string>> = {
  "packages/protocol/package.json": "zod",
  "packages/core/package.json": "@marcbachmann/cel-js",
};

const sections = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
const exact = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

export function checkManifest(manifest: Manifest): Finding[] {
  return [...foreignDependencies(manifest), ...loosePins(manifest)];
}

function foreignDependencies(manifest: Manifest): Finding[] {
  const allowed = oneDependency[manifest.path];
  if (allowed === undefined) return [];
  const names = Object.keys(section(manifest.json, "dependencies"));
  const foreign = names.filter((name) => name !== allowed && !name.startsWith("@agentflow/"));
  return foreign.map((name) =>
    finding(manifest, name, "dependency", `"${name}": the only dependency from outside here is ${allowed}`),
  );
}

function loosePins(manifest: Manifest): Finding[] {
  return sections.flatMap((key) =>
    Object.entries(section(manifest.json, key)).flatMap(([name, version]) => {
      const pinned = typeof version === "string" && (exact.test(version) || key === "peerDependencies");
      if (pinned) return [];
      return [finding(manifest, name, "pin", `"${name}" is not pinned to one version: ${String(version)}`)];
    }),
  );
}

/** Every specifier that a package of ours exports, with the source file behind it. */
export function entriesOf(manifests: readonly Manifest[]): Entries {
  const entries = new Map<string, string>();
  for (const { path, json } of manifests) {
    const name = isRecord(json) ? json["name"] : undefined;
    if (typeof name !== "string") continue;
    const folder = path.replace(/package\.json$/, "");
    for (const [subpath, conditions] of Object.entries(section(json, "exports"))) {
      const file = isRecord(conditions) ? conditions["@agentflow/source"] : undefined;
      if (typeof file !== "string") continue;
      entries.set(name + subpath.replace(/^\./, ""), folder + file.replace(/^\.\//, ""));
    }
  }
  return entries;
}

function finding(manifest: Manifest, word: string, rule: Rule, message: string): Finding {
  const lines = manifest.text.split("\n");
  const line = lines.findIndex((one) => one.includes(`"${word}":`));
  const column = (lines[line] ?? "").indexOf(`"${word}":`);
  return { path: manifest.path, line: line + 1, column: column + 1, rule, message };
}

function section(json: unknown, key: string): Record<string, unknown> {
  const value = isRecord(json) ? json[key] : undefined;
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
