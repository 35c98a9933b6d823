import { child, children, type Source, type Syntax, text } from "./source.ts";

/** One import or re-export of a file, of whichever form. */
export interface Import {
  readonly specifier: string;
  readonly offset: number;
  /** `import type`, or an import that brings in types alone. */
  readonly typeOnly: boolean;
  /** `import("...")` as an expression. */
  readonly lazy: boolean;
  /** The names taken from there; empty for `*`, a bare or a lazy import. */
  readonly names: readonly string[];
}

/** Every import of a file: static, re-export, `import()` and `import("...").Type`. */
export function importsOf(source: Source): Import[] {
  return source.nodes.flatMap(({ node }) => {
    const from = child(node, "source");
    const specifier = text(from, "value");
    if (from === undefined || specifier === undefined || !isImportForm(node)) return [];
    const specifiers = children(node, "specifiers");
    return [
      {
        specifier,
        offset: from.start,
        typeOnly: isTypeOnly(node, specifiers),
        lazy: node.type === "ImportExpression",
        names: specifiers.flatMap(nameTaken),
      },
    ];
  });
}

function isImportForm({ type }: Syntax): boolean {
  return (
    type === "ImportDeclaration" ||
    type === "ExportNamedDeclaration" ||
    type === "ExportAllDeclaration" ||
    type === "ImportExpression" ||
    type === "TSImportType"
  );
}

function isTypeOnly(node: Syntax, specifiers: readonly Syntax[]): boolean {
  if (node.type === "TSImportType") return true;
  if (node["importKind"] === "type" || node["exportKind"] === "type") return true;
  const kinds = specifiers.map((one) => one["importKind"] ?? one["exportKind"]);
  return kinds.length > 0 && kinds.every((kind) => kind === "type");
}

function nameTaken(specifier: Syntax): string[] {
  const name = text(child(specifier, "imported") ?? child(specifier, "local"), "name");
  return name === undefined ? [] : [name];
}
