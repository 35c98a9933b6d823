/** The house rules that a program can check, applied to every file below a root. */
import { checkBans } from "./bans.ts";
import { checkCasts } from "./casts.ts";
import { checkCycles, type Module } from "./cycles.ts";
import { listFiles, readText } from "./files.ts";
import { type Finding, inOrder } from "./finding.ts";
import { checkFloors } from "./floors.ts";
import { importsOf } from "./imports.ts";
import { checkManifest, entriesOf } from "./manifests.ts";
import { checkNames } from "./names.ts";
import { checkPure } from "./pure.ts";
import { checkSizes } from "./sizes.ts";
import { parseSource } from "./source.ts";

/** Reads all code and every package.json below the root; gives what breaks a rule, in reading order. */
export function tidy(root: string): Finding[] {
  const files = listFiles(root);
  const manifests = files.manifests.map((path) => {
    const text = readText(root, path);
    const json: unknown = JSON.parse(text);
    return { path, text, json };
  });
  const modules: Module[] = [];
  const findings: Finding[] = manifests.flatMap(checkManifest);
  for (const path of files.code) {
    const parsed = parseSource(path, readText(root, path));
    if ("failure" in parsed) findings.push(parsed.failure);
    else modules.push({ source: parsed.source, imports: importsOf(parsed.source) });
  }
  findings.push(...modules.flatMap(checkModule), ...checkCycles(modules, entriesOf(manifests)));
  return inOrder(findings);
}

function checkModule({ source, imports }: Module): Finding[] {
  return [
    ...checkFloors(source, imports),
    ...checkPure(source),
    ...checkSizes(source),
    ...checkBans(source, imports),
    ...checkCasts(source),
    ...checkNames(source),
  ];
}
