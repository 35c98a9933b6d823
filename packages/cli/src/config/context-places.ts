/** Where contexts are kept: in the project, and in the user's own folder. */
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { readText } from "./private-file.ts";

export interface Environment {
  readonly [name: string]: string | undefined;
}

export interface ContextPlaces {
  /** The folder with agentflow.yaml, from where the command works upwards. */
  readonly project: string | undefined;
  /** `$XDG_CONFIG_HOME/agentflow`. */
  readonly user: string;
}

export function contextPlaces(of: {
  readonly folder: string;
  readonly environment: Environment;
}): ContextPlaces {
  return { project: findProject(of.folder), user: userFolder(of.environment) };
}

/** The folder with the next agentflow.yaml, from here upwards. */
export function findProject(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (readText(join(at, "agentflow.yaml")) !== undefined) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** The standard says that a relative path there is to be ignored. */
function userFolder(environment: Environment): string {
  const base = environment["XDG_CONFIG_HOME"];
  const home = environment["HOME"];
  const own = home === undefined || home === "" ? homedir() : home;
  return join(base?.startsWith("/") === true ? base : join(own, ".config"), "agentflow");
}
