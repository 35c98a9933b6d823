/**
 * Which installation a command speaks to. The first that says something wins: `--url`, `--context`, AF_URL,
 * AF_CONTEXT, the context in use for this project, the user's context in use; then `dev`, or where that does
 * not run the one installation of the project that is up.
 */
import type { ContextPlaces, Environment } from "./context-places.ts";
import { isAlive, readDevFile } from "./dev-file.ts";
import { projectContextFile, projectUseFile, readProjectUse, savedNames } from "./project-contexts.ts";
import { readUserContexts, userContextsFile } from "./user-contexts.ts";

export type ChosenBy = "flag" | "environment" | "project" | "user" | "default";

/** An address, or the name of a context; who said it, and where. */
export type Choice = (
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "context"; readonly name: string }
) & { readonly by: ChosenBy; readonly place: string };

export interface Choosing {
  readonly url?: string | undefined;
  readonly context?: string | undefined;
  readonly environment: Environment;
}

/** Reads a few small files, and none when a flag or the environment says it. */
export function chooseContext(places: ContextPlaces, of: Choosing): Choice {
  const { url, context, environment } = of;
  if (url !== undefined) return { kind: "url", url, by: "flag", place: "--url" };
  if (context !== undefined) return { kind: "context", name: context, by: "flag", place: "--context" };
  const toldUrl = given(environment["AF_URL"]);
  if (toldUrl !== undefined) return { kind: "url", url: toldUrl, by: "environment", place: "AF_URL" };
  const told = given(environment["AF_CONTEXT"]);
  if (told !== undefined) return { kind: "context", name: told, by: "environment", place: "AF_CONTEXT" };
  const { project, user } = places;
  const inProject = project === undefined ? undefined : readProjectUse(project);
  if (project !== undefined && inProject !== undefined)
    return { kind: "context", name: inProject.name, by: "project", place: projectUseFile(project) };
  const { current } = readUserContexts(user);
  if (current !== undefined)
    return { kind: "context", name: current, by: "user", place: userContextsFile(user) };
  return (project === undefined ? undefined : onlyOneUp(project)) ?? byDefault;
}

const byDefault: Choice = { kind: "context", name: "dev", by: "default", place: "" };

/** Who typed `af up` and nothing else means what came up; not so with `af dev` running, or two of them. */
function onlyOneUp(project: string): Choice | undefined {
  const running = readDevFile(project);
  if (running !== undefined && isAlive(running.pid)) return undefined;
  const [name, another] = savedNames(project);
  if (name === undefined || another !== undefined) return undefined;
  return { kind: "context", name, by: "default", place: projectContextFile(project, name) };
}

export function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
