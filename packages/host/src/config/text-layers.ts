/** The two layers that are text: flags and the environment. */
import { nearest } from "@agentflow/protocol";
import type { Fault, Place } from "./faults.ts";
import { dotted, forbiddenKeys, type LayerReading, type Setting } from "./setting.ts";
import { leavesOf, type Node, type Section } from "./tree.ts";

export type Environment = { readonly [name: string]: string | undefined };

/** Flags by dotted key: `{"log.level": "debug"}`; text is read by the key's type. */
export function readFlags(
  flags: { readonly [key: string]: unknown },
  tree: Section,
  names: { readonly [key: string]: string } = {},
): LayerReading {
  const settings: Setting[] = [];
  const faults: Fault[] = [];
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const spelt = `--${key.replaceAll(".", "-").replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
    const place: Place = { layer: "flag", name: names[key] ?? spelt };
    const path = key.split(".");
    const node = leafAt(tree, path);
    if (node === undefined) faults.push(unknownKey(key, place, tree));
    else settings.push({ path, value: fromText(value, node), place });
  }
  return { settings, faults, notes: [] };
}

/**
 * `AF_LOG__LEVEL` is `log.level`, `AF_RETAIN_DAYS` is `retainDays`, `AF_LOG__LEVELS__CONTROL_PLANE` is
 * `log.levels.control-plane`. A variable that fits no key is no fault, as others use AF_ too; one that almost
 * fits is noted. Empty means unset.
 */
export function readEnvironment(environment: Environment, tree: Section): LayerReading {
  const settings: Setting[] = [];
  const notes: string[] = [];
  const known = [...leavesOf(tree)].map(([path]) => variableOf(path));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("AF_") || value === undefined || value === "") continue;
    const found = matchVariable(tree, name.slice(3).split("__"));
    if (found !== undefined) {
      const place: Place = { layer: "environment", name };
      settings.push({ path: found.path, value: fromText(value, found.node), place });
      continue;
    }
    const near = others.has(name) ? undefined : nearest(name, known);
    if (near !== undefined) notes.push(`${name} is no setting of this process; did you mean ${near}?`);
  }
  return { settings, faults: [], notes };
}

/** How a client finds an installation, and a worker its secrets: no misspelt settings. */
const others: ReadonlySet<string> = new Set([
  "AF_URL",
  "AF_TOKEN",
  "AF_TOKEN_FILE",
  "AF_CONTEXT",
  "AF_SECRETS_DIR",
]);

export function unknownKey(key: string, place: Place, tree: Section): Fault {
  const known = [...leavesOf(tree)].map(([path]) => dotted(path));
  const near = nearest(key, known) ?? sameEnding(key, known);
  const suggestion = near === undefined ? {} : { suggestion: `did you mean ${near}?` };
  return { key, place, message: "there is no such setting", ...suggestion };
}

function sameEnding(key: string, known: readonly string[]): string | undefined {
  const last = key.split(".").at(-1) ?? key;
  return known.find((candidate) => candidate.split(".").at(-1)?.toLowerCase() === last.toLowerCase());
}

/** `retainDays` in `log` is set by `AF_LOG__RETAIN_DAYS`. */
export function variableOf(path: readonly string[]): string {
  const words = path.map((key) =>
    key
      .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
      .replaceAll("-", "_")
      .toUpperCase(),
  );
  return `AF_${words.join("__")}`;
}

function matchVariable(tree: Node, parts: readonly string[]): { path: string[]; node: Node } | undefined {
  const path: string[] = [];
  let node = tree;
  for (const part of parts) {
    const key = node.kind === "section" ? keyLike(node, part) : part.toLowerCase().replaceAll("_", "-");
    const next =
      node.kind === "section" ? node.keys.get(key ?? "") : node.kind === "record" ? node.value : undefined;
    if (key === undefined || next === undefined || forbiddenKeys.has(key)) return undefined;
    path.push(key);
    node = next;
  }
  return node.kind === "section" ? undefined : { path, node };
}

function keyLike(section: Section, part: string): string | undefined {
  return [...section.keys.keys()].find((key) => plain(key) === plain(part));
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[-_]/g, "");
}

function leafAt(tree: Node, path: readonly string[]): Node | undefined {
  let node = tree;
  for (const part of path) {
    if (forbiddenKeys.has(part)) return undefined;
    const next =
      node.kind === "section" ? node.keys.get(part) : node.kind === "record" ? node.value : undefined;
    if (next === undefined) return undefined;
    node = next;
  }
  return node.kind === "section" ? undefined : node;
}

/** Text by the type its key wants; what cannot be read so stays text, and the schema names the fault. */
export function fromText(value: unknown, node: Node): unknown {
  if (typeof value !== "string") return value;
  if (node.kind !== "leaf") return fromJson(value);
  switch (node.leaf) {
    case "number":
      return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
    case "boolean":
      return booleans.get(value.toLowerCase()) ?? value;
    case "list":
      return value.trimStart().startsWith("[")
        ? fromJson(value)
        : value.split(",").map((item) => item.trim());
    case "string":
      return value;
    default:
      return fromJson(value);
  }
}

const booleans = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
