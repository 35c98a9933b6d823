/** The two layers that are files or plain objects: the project's settings and the user's. */
import type { Node as YamlNode, Pair } from "yaml";
import { AgentFlowError, nearest, parseReference } from "@agentflow/protocol";
import type { Fault, Place } from "./faults.ts";
import { dotted, forbiddenKeys, type LayerReading, type Setting } from "./setting.ts";
import { fromText, unknownKey } from "./text-layers.ts";
import { type Node, nodeAt, type Section } from "./tree.ts";

type PlainObject = { readonly [key: string]: unknown };

/** A YAML file, or the part of it that is ours; or values that somebody has parsed already. */
export type ConfigSource =
  | {
      readonly path: string;
      readonly section?: string;
      /** Settings that stand elsewhere in the file, by their keys; the section's own word is stronger. */
      readonly elsewhere?: { readonly [key: string]: readonly string[] };
    }
  | { readonly values: PlainObject; readonly name: string };

/** The text of a file, or undefined when there is none. */
export type ReadText = (path: string) => Promise<string | undefined>;

export interface ReadSourceOptions {
  readonly layer: "project" | "user";
  readonly tree: Section;
  readonly readText: ReadText;
  /** What `env://NAME` stands for; without it references stay as they are. */
  readonly variable?: ((name: string) => string | undefined) | undefined;
}

const fileCharsMax = 1024 * 1024;
const nothing: LayerReading = { settings: [], faults: [], notes: [] };

export async function readSource(source: ConfigSource, options: ReadSourceOptions): Promise<LayerReading> {
  const walk = new Walk(options.tree, options.variable);
  if ("values" in source) {
    walk.plain(source.values, [], { layer: options.layer, name: source.name });
    return walk;
  }
  const place: Place = { layer: options.layer, name: source.path };
  const text = await options.readText(source.path);
  if (text === undefined || text.trim() === "") return nothing;
  if (text.length > fileCharsMax) {
    return { ...nothing, faults: [{ key: "", place, message: "the file is larger than 1 MiB" }] };
  }
  return readYaml(text, { walk, place, source });
}

interface YamlOptions {
  readonly walk: Walk;
  readonly place: Place;
  readonly source: Extract<ConfigSource, { path: string }>;
}

/** Imported here, since most starts meet no file. */
async function readYaml(text: string, { walk, place, source }: YamlOptions): Promise<LayerReading> {
  const { isMap, isPair, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number | undefined): Place => ({ ...place, line: lines.linePos(offset ?? 0).line });
  for (const error of document.errors) {
    walk.faults.push({ key: "", place: lineAt(error.pos[0]), message: error.message });
  }
  if (walk.faults.length > 0) return walk;
  const { section, elsewhere = {} } = source;
  const root: unknown = section === undefined ? document.contents : document.get(section, true);
  const visit = (node: unknown, path: readonly string[], at: Place): void => {
    if (isMap(node) && path.length < 16 && walk.opens(path)) {
      for (const pair of node.items) if (isPair(pair)) visitPair(pair, path);
    } else if (isYamlNode(node)) {
      try {
        walk.value(path, node.toJS(document, { maxAliasCount: 100 }), at);
      } catch (error) {
        walk.faults.push({
          key: dotted(path),
          place: at,
          message: error instanceof Error ? error.message : "unreadable",
        });
      }
    }
  };
  const visitPair = (pair: Pair, path: readonly string[]): void => {
    const key = isScalar(pair.key) ? pair.key : undefined;
    const at = lineAt(key?.range?.[0]);
    const below = [...path, String(key?.value)];
    if (walk.accepts(below, at)) visit(pair.value, below, at);
  };
  visit(root, [], lineAt(0));
  for (const [key, from] of Object.entries(elsewhere)) {
    const node = document.getIn(from, true);
    if (isScalar(node)) visit(node, key.split("."), lineAt(node.range?.[0]));
  }
  return walk;
}

function isYamlNode(node: unknown): node is YamlNode {
  return typeof node === "object" && node !== null && "toJS" in node;
}

function isPlain(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Matches what is found against the tree; gathers settings and faults. */
class Walk implements LayerReading {
  readonly settings: Setting[] = [];
  readonly faults: Fault[] = [];
  readonly notes: string[] = [];
  private readonly tree: Section;
  private readonly variable: ReadSourceOptions["variable"];

  constructor(tree: Section, variable: ReadSourceOptions["variable"]) {
    this.tree = tree;
    this.variable = variable;
  }

  /** Whether what is at the path has keys of its own in the schema. */
  opens(path: readonly string[]): boolean {
    return nodeAt(this.tree, path).kind !== "leaf";
  }

  accepts(path: readonly string[], place: Place): boolean {
    const key = path.at(-1) ?? "";
    const above: Node = nodeAt(this.tree, path.slice(0, -1));
    if (
      !forbiddenKeys.has(key) &&
      (above.kind === "record" || (above.kind === "section" && above.keys.has(key)))
    ) {
      return true;
    }
    const siblings = above.kind === "section" ? above.keys.keys() : [];
    const near = nearest(key, siblings);
    const fault = unknownKey(dotted(path), place, this.tree);
    const suggestion =
      near === undefined ? {} : { suggestion: `did you mean ${dotted([...path.slice(0, -1), near])}?` };
    this.faults.push({ ...fault, ...suggestion });
    return false;
  }

  value(path: readonly string[], value: unknown, place: Place): void {
    if (value === null && this.opens(path)) return;
    if (path.length === 0 || nodeAt(this.tree, path).kind === "section") {
      this.faults.push({ key: dotted(path), place, message: "this is a section: it has keys, not a value" });
    } else {
      this.settings.push({ path, value: this.resolved(value, path, place), place });
    }
  }

  /** `env://NAME?default` becomes what the key's type makes of the variable's text. */
  private resolved(value: unknown, path: readonly string[], place: Place): unknown {
    if (Array.isArray(value)) return value.map((item: unknown) => this.resolved(item, [...path, "-"], place));
    if (typeof value !== "string" || this.variable === undefined) return value;
    const fault = (message: string, suggestion?: string): undefined => {
      const more = suggestion === undefined ? {} : { suggestion };
      this.faults.push({ key: dotted(path), place, message, ...more });
    };
    try {
      const reference = parseReference(value);
      if (reference?.kind !== "env") return value;
      const { name } = reference;
      const text = this.variable(name) ?? reference.default;
      // Below a list nobody says the type: there it is text.
      if (text !== undefined) return path.at(-1) === "-" ? text : fromText(text, nodeAt(this.tree, path));
      return fault(`${name} is not set`, `set ${name} in .env, or write env://${name}?default`);
    } catch (error) {
      return fault(AgentFlowError.from(error, "a reference").message);
    }
  }

  plain(values: PlainObject, path: readonly string[], place: Place): void {
    for (const [key, value] of Object.entries(values)) {
      const below = [...path, key];
      if (value === undefined || !this.accepts(below, place)) continue;
      if (isPlain(value) && this.opens(below)) this.plain(value, below, place);
      else this.value(below, value, place);
    }
  }
}
