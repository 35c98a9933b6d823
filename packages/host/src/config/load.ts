import type { z } from "zod";
import { redacted } from "../log/secrets.ts";
import { configError, type Fault, layerNames, type Layer, type Place, placeText } from "./faults.ts";
import { type ConfigSource, type ReadText, readSource } from "./file-layers.ts";
import { dotted, type LayerReading, type Setting } from "./setting.ts";
import { type Environment, readEnvironment, readFlags } from "./text-layers.ts";
import { leavesOf, type Node, nodeAt, type Section, treeOf } from "./tree.ts";

/** What may be given, strongest first; defaults are the schema's. */
export interface ConfigLayers {
  readonly flags?: { readonly [key: string]: unknown };
  /** How a flag is spelt that is not spelt like its key: `{"api.port": "--port"}`. */
  readonly flagNames?: { readonly [key: string]: string };
  readonly environment?: Environment;
  readonly project?: ConfigSource;
  readonly user?: ConfigSource;
  /** Needed for layers that are files. */
  readonly readText?: ReadText;
  /** What `env://NAME` stands for in layers that are files; without it references stay as they are. */
  readonly variable?: (name: string) => string | undefined;
}

/** What describes the settings of one process. */
export type ConfigSchema<T> = z.ZodType<T>;

/** Where one key's value comes from; a secret's value is masked. */
export interface Origin {
  readonly key: string;
  readonly layer: Layer;
  /** `--log-level`, `AF_LOG__LEVEL`, `agentflow.yaml:12`; empty for a default. */
  readonly place: string;
  readonly value: unknown;
  /** Whether a change is taken over while running. */
  readonly reload: boolean;
}

export interface Config<T> {
  readonly value: T;
  /** One for each key, in the order of the schema. */
  readonly origins: readonly Origin[];
  /** Likely mistakes that are no faults, such as a variable that almost fits. */
  readonly notes: readonly string[];
}

/**
 * Reads all layers and gives the checked value with the origin of each key. Objects merge key by key,
 * anything else is replaced by the stronger layer. Throws one error that names every fault with its key,
 * layer and place.
 */
export async function loadConfig<T>(schema: z.ZodType<T>, layers: ConfigLayers): Promise<Config<T>> {
  const tree = treeOf(schema);
  const readings = await readLayers(layers, tree);
  const faults = readings.flatMap((reading) => reading.faults);
  const winners = strongest(readings.flatMap((reading) => reading.settings));
  const parsed = schema.safeParse(merge(tree, winners));
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      faults.push(faultOf(issue.path.map(String), issue.message, winners));
  }
  if (faults.length > 0 || !parsed.success) throw configError(faults);
  const notes = readings.flatMap((reading) => reading.notes);
  return { value: parsed.data, origins: originsOf(tree, parsed.data, winners), notes };
}

async function readLayers(layers: ConfigLayers, tree: Section): Promise<LayerReading[]> {
  const readText = layers.readText ?? (async () => undefined);
  const { flags, flagNames, environment, project, user, variable } = layers;
  return [
    ...(flags === undefined ? [] : [readFlags(flags, tree, flagNames)]),
    ...(environment === undefined ? [] : [readEnvironment(environment, tree)]),
    ...(project === undefined
      ? []
      : [await readSource(project, { layer: "project", tree, readText, variable })]),
    ...(user === undefined ? [] : [await readSource(user, { layer: "user", tree, readText, variable })]),
  ];
}

type Winners = ReadonlyMap<string, Setting>;

/** For each key the setting of the strongest layer; a record set as a whole hides weaker entries of it. */
function strongest(settings: readonly Setting[]): Winners {
  const winners = new Map<string, Setting>();
  for (const setting of [...settings].sort((a, b) => rank(a) - rank(b))) {
    const hidden = setting.path.some((_, i) => winners.has(dotted(setting.path.slice(0, i + 1))));
    if (!hidden) winners.set(dotted(setting.path), setting);
  }
  return winners;
}

function rank(setting: Setting): number {
  return layerNames.indexOf(setting.place.layer);
}

type Tree = { [key: string]: unknown };

function merge(tree: Section, winners: Winners): Tree {
  const out = skeleton(tree);
  // The weakest first: a record as a whole is laid down before a stronger layer's entries of it.
  for (const { path, value } of [...winners.values()].toReversed()) {
    let at = out;
    for (const part of path.slice(0, -1)) {
      const below = at[part];
      const next: Tree = isTree(below) ? { ...below } : {};
      at[part] = next;
      at = next;
    }
    at[path.at(-1) ?? ""] = value;
  }
  return out;
}

/** Sections that nobody mentions are there all the same, so that the defaults inside them apply. */
function skeleton(section: Section): Tree {
  const out: Tree = {};
  for (const [key, node] of section.keys)
    if (node.kind === "section" && node.always) out[key] = skeleton(node);
  return out;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function faultOf(path: readonly string[], message: string, winners: Winners): Fault {
  const none: Place = { layer: "default", name: "" };
  const set = path.map((_, i) => winners.get(dotted(path.slice(0, path.length - i)))).find((one) => one);
  return { key: dotted(path), place: set?.place ?? none, message };
}

function originsOf(tree: Section, value: unknown, winners: Winners): Origin[] {
  return [...leavesOf(tree)].flatMap(([path, node]) => {
    const own = [...winners.values()].filter((one) => dotted(one.path).startsWith(`${dotted(path)}.`));
    const entries = own.map((one) => originOf(one.path, { node: nodeAt(tree, one.path), value, set: one }));
    const whole = winners.get(dotted(path));
    const shown = whole !== undefined || entries.length === 0;
    return shown ? [originOf(path, { node, value, set: whole }), ...entries] : entries;
  });
}

function originOf(
  path: readonly string[],
  { node, value, set }: { node: Node; value: unknown; set: Setting | undefined },
): Origin {
  const found = path.reduce<unknown>((at, part) => (isTree(at) ? at[part] : undefined), value);
  return {
    key: dotted(path),
    layer: set?.place.layer ?? "default",
    place: set === undefined ? "" : placeText(set.place),
    value: node.secret ? mask(found) : found,
    reload: node.reload,
  };
}

/** A reference says where a secret is, not what it is. */
function mask(value: unknown): unknown {
  if (value === undefined || value === null || value === "") return value;
  return typeof value === "string" && value.startsWith("secret://") ? value : redacted;
}
