import { parseSync, visitorKeys } from "oxc-parser";
import type { Finding, Rule } from "./finding.ts";

/** A node of the syntax tree, with only the keys that every node has. */
export interface Syntax {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A parsed file. `parents` of a visited node are nearest first. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Every node, parents before children, in the order of the text. */
  readonly nodes: readonly Visited[];
  /** Says that the rule is broken at this offset. */
  finding(offset: number, rule: Rule, message: string): Finding;
}

export interface Visited {
  readonly node: Syntax;
  readonly parents: readonly Syntax[];
}

/** Parses one file. A file that is no valid TypeScript gives the parser's first complaint instead. */
export function parseSource(path: string, text: string): { source: Source } | { failure: Finding } {
  const lineStarts = startsOf(text);
  const finding = (offset: number, rule: Rule, message: string): Finding => ({
    path,
    rule,
    message,
    ...placeOf(lineStarts, offset),
  });
  const parsed = parseSync(path, text);
  const [error] = parsed.errors;
  if (error !== undefined) {
    return { failure: finding(error.labels[0]?.start ?? 0, "syntax", error.message) };
  }
  const nodes: Visited[] = [];
  if (isSyntax(parsed.program)) collect(parsed.program, [], nodes);
  return { source: { path, text, lines: text.split("\n"), nodes, finding } };
}

/** The node under this key, if one is there. */
export function child(node: Syntax, key: string): Syntax | undefined {
  const value = node[key];
  return isSyntax(value) ? value : undefined;
}

/** The text under this key, if some is there. */
export function text(node: Syntax | undefined, key: string): string | undefined {
  const value = node?.[key];
  return typeof value === "string" ? value : undefined;
}

/** The nodes in the list under this key; none when there is no list. */
export function children(node: Syntax, key: string): Syntax[] {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isSyntax) : [];
}

function isSyntax(value: unknown): value is Syntax {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function collect(node: Syntax, parents: readonly Syntax[], into: Visited[]): void {
  into.push({ node, parents });
  const below = [node, ...parents];
  for (const key of visitorKeys[node.type] ?? []) {
    const value = node[key];
    for (const item of Array.isArray(value) ? value : [value]) {
      if (isSyntax(item)) collect(item, below, into);
    }
  }
}

function startsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function placeOf(lineStarts: readonly number[], offset: number): { line: number; column: number } {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (lineStarts[low] ?? 0) + 1 };
}
