/** Every setting of every process of ours, layer by layer: flag, environment, project, user, default. */
import { join } from "node:path";
import { chooseContext } from "./choose-context.ts";
import { contextPlaces, findProject } from "./context-places.ts";
import { devContext, listContexts, tokenPlace } from "./contexts.ts";
import { isAlive, readSettingsFile } from "./dev-file.ts";
import type { OriginView } from "./parse-settings-file.ts";

export interface SettingView {
  readonly key: string;
  /** Undefined when nothing sets it; secrets are masked. */
  readonly value: unknown;
  readonly layer: OriginView["layer"];
  readonly place: string;
  /** Who reads it. */
  readonly process: "cli" | "host" | "control-plane" | "worker";
  /** Whether a change is taken over while that process runs; a command reads its own anew each time. */
  readonly reload: boolean;
}

export interface InstallationSettings {
  readonly settings: readonly SettingView[];
  /** The `af dev` that runs with them; absent: as it would start here now. */
  readonly pid?: number;
  /** Likely mistakes that are no faults, such as a variable that almost fits. */
  readonly notes: readonly string[];
}

/** Of the `af dev` that runs in the project, else as one would start there. Throws what is wrong in them. */
export async function installationSettings(folder: string): Promise<InstallationSettings> {
  const project = findProject(folder);
  const { loadSettings, readerOf } = await import("../local/settings.ts");
  const running = project === undefined ? undefined : readSettingsFile(project);
  const view = ({ key, value, layer, place, reload }: OriginView): SettingView => {
    return { key, value, layer, place, process: readerOf({ key }), reload };
  };
  if (running !== undefined && isAlive(running.pid))
    return { settings: running.origins.map(view), pid: running.pid, notes: [] };
  const { origins, notes } = await loadSettings(project ?? folder, {});
  return { settings: origins.map(view), notes };
}

export interface SettingSources {
  readonly folder: string;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly argv: readonly string[];
}

/** What steers this command line, each with the value in force and its origin. Reads files, asks nobody. */
export function readSettings(sources: SettingSources): SettingView[] {
  const { folder, environment, argv } = sources;
  const project = findProject(folder);
  const noColor = argv.includes("--no-color") ? set("color", "never", "flag", "--no-color") : undefined;
  const debug = argv.includes("--debug") ? set("debug", "true", "flag", "--debug") : undefined;
  return [
    ...whereTo(sources),
    project === undefined
      ? unset("project")
      : set("project", project, "project", join(project, "agentflow.yaml")),
    noColor ??
      fromEnvironment(environment, "color", "NO_COLOR", "never") ??
      fromEnvironment(environment, "color", "FORCE_COLOR", "always") ??
      set("color", "auto", "default", ""),
    debug ??
      fromEnvironment(environment, "debug", "AF_DEBUG", "true") ??
      set("debug", "false", "default", ""),
    fromEnvironment(environment, "input", "CI", "never") ?? set("input", "auto", "default", ""),
  ];
}

/** The context in use, its address, and the token that goes there. */
function whereTo({ folder, environment }: SettingSources): SettingView[] {
  const places = contextPlaces({ folder, environment });
  const choice = chooseContext(places, { environment });
  const told = masked(
    fromEnvironment(environment, "token", "AF_TOKEN") ??
      fromEnvironment(environment, "token", "AF_TOKEN_FILE"),
  );
  if (choice.kind === "url") {
    return [unset("context"), set("url", choice.url, choice.by, choice.place), told ?? unset("token")];
  }
  const { name, by, place } = choice;
  const context = listContexts(places).find((one) => one.name === name);
  const layer = context?.held ?? "default";
  const url = context?.url === undefined ? unset("url") : set("url", context.url, layer, context.file);
  const isKnown = context !== undefined && context.token !== "none" && context.url !== undefined;
  const own = isKnown ? set("token", hidden, layer, tokenPlace(places, context)) : unset("token");
  // AF_TOKEN goes to AF_URL and to this project's own af dev, to nobody else.
  const token = name === devContext ? (told ?? own) : own;
  return [set("context", name, by, place), url, token];
}

const hidden = "••••";

function set(key: string, value: string, layer: SettingView["layer"], place: string): SettingView {
  return { key, value, layer, place, process: "cli", reload: true };
}

function unset(key: string): SettingView {
  return { key, value: undefined, layer: "default", place: "", process: "cli", reload: true };
}

function masked(setting: SettingView | undefined): SettingView | undefined {
  return setting === undefined ? undefined : { ...setting, value: hidden };
}

function fromEnvironment(
  environment: SettingSources["environment"],
  key: string,
  ...[name, as]: readonly [name: string, as?: string]
): SettingView | undefined {
  const value = environment[name];
  return value === undefined || value === "" ? undefined : set(key, as ?? value, "environment", name);
}
