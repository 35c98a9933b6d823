import { bannedWords, isAllowed, othersWords, wordsAllowedIn } from "./allow.ts";
import type { Finding } from "./finding.ts";
import { child, children, type Source, type Syntax, text } from "./source.ts";

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const heaps = /^(utils?|types|helpers|misc)\.[cm]?[jt]sx?$/;

/** File names that are not kebab-case or say nothing, and exports named with a word that is not ours. */
export function checkNames(source: Source): Finding[] {
  return [...fileName(source), ...exportedWords(source)];
}

function fileName(source: Source): Finding[] {
  const name = source.path.split("/").at(-1) ?? "";
  if (heaps.test(name)) {
    return [source.finding(0, "file-name", `${name} says nothing: name the file after its one concept`)];
  }
  return kebab.test(name) ? [] : [source.finding(0, "file-name", `${name} is not kebab-case`)];
}

function exportedWords(source: Source): Finding[] {
  if (!/^packages\/[^/]+\/src\//.test(source.path) || isAllowed(othersWords, source.path)) return [];
  return source.nodes.flatMap(({ node }) =>
    exportedNames(node).flatMap((identifier) => {
      const name = text(identifier, "name") ?? "";
      const word = wordsOf(name).find((one) => bannedWords.includes(one));
      if (word === undefined) return [];
      return [source.finding(identifier.start, "word", `"${word}" in ${name} is not one of our words`)];
    }),
  );
}

function exportedNames(node: Syntax): Syntax[] {
  if (node.type !== "ExportNamedDeclaration" || child(node, "source") !== undefined) return [];
  const declaration = child(node, "declaration");
  if (declaration === undefined)
    return children(node, "specifiers").flatMap((one) => child(one, "exported") ?? []);
  const declared = [declaration, ...children(declaration, "declarations")];
  return declared.flatMap((one) => child(one, "id") ?? []);
}

function wordsOf(name: string): string[] {
  const without = wordsAllowedIn.reduce((rest, allowed) => rest.replaceAll(allowed, " "), name);
  return without
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[\s_]+/)
    .map((word) => word.toLowerCase());
}
