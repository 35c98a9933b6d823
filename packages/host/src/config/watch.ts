import { isDeepStrictEqual } from "node:util";
import { AgentFlowError } from "@agentflow/protocol";
import type { z } from "zod";
import type { Timers } from "../clock.ts";
import type { Log } from "../log/log.ts";
import { type Config, type ConfigLayers, loadConfig } from "./load.ts";
import { leavesOf, type Section, treeOf } from "./tree.ts";

export interface WatchOptions<T> {
  readonly timers: Timers;
  readonly log: Log;
  /** Called after a reload that changed something that may change. */
  readonly onChange?: (value: T, keys: readonly string[]) => void;
  /** How often files are read again (2 s). */
  readonly everyMs?: number;
}

export interface Reloaded {
  /** Taken over. */
  readonly changed: readonly string[];
  /** Different in the files, and ignored until the process starts again. */
  readonly needsRestart: readonly string[];
  /** Why the new state of the files was not taken at all. */
  readonly error?: AgentFlowError;
}

export interface ConfigWatch<T> {
  current(): Config<T>;
  /** Reads all layers now, as SIGHUP would ask. Never throws: a bad reload keeps the old value. */
  reload(): Promise<Reloaded>;
  stop(): void;
}

/**
 * The configuration, read again while running. Keys marked `.meta({reload: true})` follow, others wait for a
 * restart; so a rule of the schema should not span keys of both kinds.
 */
export async function watchConfig<T>(
  schema: z.ZodType<T>,
  layers: ConfigLayers,
  options: WatchOptions<T>,
): Promise<ConfigWatch<T>> {
  const { timers, log, onChange, everyMs = 2_000 } = options;
  const tree = treeOf(schema);
  let config = await loadConfig(schema, layers);
  /** So that the same fault or the same needed restart is said once, not each two seconds. */
  let lastSaid = "";
  let reloading: Promise<Reloaded> | undefined;

  const say = (key: string, tell: () => void): void => {
    if (key !== lastSaid && key !== "") tell();
    lastSaid = key;
  };
  const readAgain = async (): Promise<Reloaded> => {
    let next: Config<T>;
    try {
      next = await loadConfig(schema, layers);
    } catch (thrown) {
      const error = AgentFlowError.from(thrown, "reading the configuration");
      const why = { error, faults: error.details.faults };
      say(error.message, () => log.error("the configuration was not reloaded; the old one stays", why));
      return { changed: [], needsRestart: [], error };
    }
    const { changed, needsRestart } = keepOld(tree, config.value, next.value);
    if (changed.length > 0) {
      const kept = config.origins.filter((origin) => !origin.reload);
      config = { ...next, origins: [...next.origins.filter((origin) => origin.reload), ...kept] };
      log.info("configuration reloaded", { keys: changed });
      onChange?.(config.value, changed);
    }
    say(needsRestart.join(), () => log.warn("changed settings need a restart", { keys: needsRestart }));
    return { changed, needsRestart };
  };
  const reload = (): Promise<Reloaded> => {
    reloading ??= readAgain().finally(() => {
      reloading = undefined;
    });
    return reloading;
  };
  const stop = timers.every(everyMs, () => void reload(), { background: true });
  return { current: () => config, reload, stop };
}

/** Puts the old value of each key that needs a restart into the new configuration, and names what differs. */
function keepOld(
  tree: Section,
  before: unknown,
  after: unknown,
): { changed: string[]; needsRestart: string[] } {
  const changed: string[] = [];
  const needsRestart: string[] = [];
  for (const [path, node] of leavesOf(tree)) {
    const old = read(before, path);
    if (isDeepStrictEqual(old, read(after, path))) continue;
    (node.reload ? changed : needsRestart).push(path.join("."));
    if (!node.reload) write(after, path, old);
  }
  return { changed, needsRestart };
}

function read(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isObject(at) ? Reflect.get(at, key) : undefined), root);
}

function write(root: unknown, path: readonly string[], value: unknown): void {
  let at = root;
  for (const key of path.slice(0, -1)) {
    if (!isObject(at)) return;
    if (!isObject(Reflect.get(at, key))) Reflect.set(at, key, {});
    at = Reflect.get(at, key);
  }
  const last = path.at(-1) ?? "";
  if (!isObject(at)) return;
  if (value === undefined) Reflect.deleteProperty(at, last);
  else Reflect.set(at, last, value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
