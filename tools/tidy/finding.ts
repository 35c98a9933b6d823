/** One fault: where it is, which rule it breaks, and what to do instead. */
export interface Finding {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly rule: Rule;
  readonly message: string;
}

export type Rule =
  | "floor"
  | "deep-import"
  | "lazy-import"
  | "broker-client"
  | "pure"
  | "cycle"
  | "file-length"
  | "function-length"
  | "line-length"
  | "banned-global"
  | "cast"
  | "file-name"
  | "word"
  | "dependency"
  | "pin"
  | "syntax";

/** `file:line:col rule message`, as terminals and editors understand it. */
export function render({ path, line, column, rule, message }: Finding): string {
  return `${path}:${line}:${column} ${rule} ${message}`;
}

/** Findings in reading order: by file, then by place. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return findings.toSorted(
    (a, b) => compare(a.path, b.path) || a.line - b.line || a.column - b.column || compare(a.rule, b.rule),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
