/** What is wrong with an authored file, in words and with its place in the document. */
import type { z } from "zod";

export interface SchemaFault {
  /** Keys and indexes from the root of the document; empty for the document itself. */
  readonly path: readonly (string | number)[];
  /** A sentence without the place, such as `"60" is not a duration: write 250ms, …`. */
  readonly message: string;
}

/** Every fault of a value under a schema; none when it fits. Never throws. */
export function faultsOf(schema: z.ZodType, value: unknown): SchemaFault[] {
  const parsed = schema.safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue) => faultsOfIssue(issue, [], value));
}

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

function faultsOfIssue(issue: Issue, before: Path, root: unknown): SchemaFault[] {
  const path = [...before, ...issue.path.map((key) => (typeof key === "symbol" ? String(key) : key))];
  if (issue.code === "invalid_key") {
    return issue.issues.map((inner) => ({ path, message: sentence(inner, path.at(-1)) }));
  }
  if (issue.code === "invalid_union") {
    const near = nearestBranch(issue.errors);
    if (near !== undefined) return near.flatMap((inner) => faultsOfIssue(inner, path, root));
  }
  return [{ path, message: sentence(issue, valueAt(root, path)) }];
}

/** The branch of a union that the author most likely meant: the one whose faults lie deepest. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depth = (issues: readonly Issue[]): number => Math.max(...issues.map(({ path }) => path.length));
  const same = (issues: readonly Issue[]): boolean => issues.some(({ code }) => code === "invalid_type");
  return branches
    .filter((issues) => issues.length > 0)
    .toSorted((a, b) => depth(b) - depth(a) || Number(same(a)) - Number(same(b)))[0];
}

/** Our own messages go on from the value (`is not …`); the library's stand for themselves. */
function sentence(issue: Issue, value: unknown): string {
  if (value === undefined && issue.code === "custom") return "is missing";
  if (/^(is|has) /.test(issue.message)) return `${show(value)} ${issue.message}`;
  if (issue.code === "invalid_type" && value === undefined) return `is missing: ${issue.expected} expected`;
  if (issue.code === "invalid_type") return `${show(value)} is not ${article(issue.expected)}`;
  if (issue.code === "invalid_value") {
    const allowed = issue.values.map((one) => JSON.stringify(one)).join(", ");
    return value === undefined ? `is missing: write ${allowed}` : `${show(value)} is not one of ${allowed}`;
  }
  if (issue.code === "too_small")
    return `${show(value)} is too small: at least ${count(issue.minimum, issue.origin)}`;
  if (issue.code === "too_big")
    return `${show(value)} is too big: at most ${count(issue.maximum, issue.origin)}`;
  return issue.message.replace(/^Invalid input: /, "");
}

function count(bound: number | bigint, origin: string): string {
  if (origin === "string") return `${bound} characters`;
  return origin === "array" ? `${bound} items` : String(bound);
}

function article(expected: string): string {
  const words: { readonly [type: string]: string } = {
    record: "an object",
    object: "an object",
    array: "a list",
    int: "a whole number",
  };
  return words[expected] ?? `a ${expected}`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function show(value: unknown): string {
  if (value === undefined) return "it";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
