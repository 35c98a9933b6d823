/**
 * Contexts: the installations that commands can speak to, by name. `dev` is what `af dev` runs in the
 * project; each target of containers of the project has one under its own name; the user adds others.
 */
import type { EngineAddress } from "@agentflow/cluster/engine";
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import { AgentFlowError, instant, isId, nearest } from "@agentflow/protocol";
import { join } from "node:path";
import { clusterNamed, isClusterName } from "./cluster-name.ts";
import { type ContextPlaces } from "./context-places.ts";
import { isAlive, readDevFile, readToken } from "./dev-file.ts";
import type { ContextKind, TokenPlace } from "./parse-contexts.ts";
import {
  projectContextFile,
  readProjectContext,
  readProjectUse,
  removeProjectContext,
  removeProjectUse,
  savedNames,
  targetsOf,
  writeProjectContext,
  writeProjectUse,
} from "./project-contexts.ts";
import {
  addUserCluster,
  addUserContext,
  allowInProject,
  type NewUserContext,
  credentialsFile,
  readUserContexts,
  removeUserContext,
  userContextsFile,
  userToken,
  useUserContext,
} from "./user-contexts.ts";

export type { ContextKind, TokenPlace } from "./parse-contexts.ts";

export interface Context {
  readonly name: string;
  readonly kind: ContextKind;
  readonly held: "project" | "user";
  /** Absent: nothing runs there, or it is reached through its engine or its cluster alone. */
  readonly url?: string;
  /** Of all its control planes, `url` first; none where that is absent. */
  readonly urls: readonly string[];
  /** The folder of the project that it belongs to. */
  readonly folder?: string;
  /** The project's name, as in the labels of its containers. */
  readonly project?: string;
  readonly target?: string;
  readonly engine?: EngineAddress;
  readonly cluster?: ClusterPlace;
  /** `secret`: in its cluster, where it is read each time. */
  readonly token: TokenPlace | "secret";
  /** The file that says so. */
  readonly file: string;
  /** Whether there is something to speak to, as far as files say it. */
  readonly state: "known" | "not-up" | "faulty";
  /** Why its file cannot be used. */
  readonly fault?: AgentFlowError;
}

export interface SavedContext {
  readonly name: string;
  readonly kind: "docker" | "kubernetes";
  readonly url?: string;
  /** Of all its control planes, `url` first. */
  readonly urls?: readonly string[];
  readonly token?: string;
  /** The project's folder. */
  readonly folder: string;
  /** The project's name, as in the labels of its containers. */
  readonly project: string;
  readonly target: string;
  readonly engine?: EngineAddress;
  readonly cluster?: ClusterPlace;
}

export const devContext = "dev";

/** What `af up` and `af deploy` leave: for its owner alone, ignored by git, whole. Answers the file. */
export function saveContext(context: SavedContext): string {
  const { folder, ...rest } = context;
  refuseName(context.name);
  return writeProjectContext(folder, { ...rest, savedAt: instant(Date.now()) });
}

export interface SavedInCluster {
  /** The project's folder. */
  readonly folder: string;
  readonly project: string;
  readonly target: string;
  readonly place: Required<Pick<ClusterPlace, "context" | "namespace" | "release">> & ClusterPlace;
  /** Of its ingress; it is reached through the cluster where there is none. */
  readonly url?: string;
  /** Without it the Secret of the installation is read with each command. */
  readonly token?: string;
}

/** A context of that target's own name, as `af deploy` leaves it. Answers the file. */
export function saveClusterContext({ folder, project, target, place, url, token }: SavedInCluster): string {
  return saveContext({
    name: target,
    kind: "kubernetes",
    folder,
    project,
    target,
    cluster: place,
    ...(url === undefined ? {} : { url }),
    ...(token === undefined ? {} : { token }),
  });
}

/** One of the user's own, in a cluster. */
export async function addClusterContext(
  { user }: ContextPlaces,
  of: { readonly name: string; readonly cluster: string },
): Promise<void> {
  refuseName(of.name);
  await addUserCluster(user, of);
}

/** One of the user's own. Answers where its token is kept. */
export async function addContext(places: ContextPlaces, of: NewUserContext): Promise<TokenPlace> {
  refuseName(of.name);
  return addUserContext(places.user, of);
}

/** All that can be named here, those of the project first. A damaged file makes its context faulty. */
export function listContexts(places: ContextPlaces): Context[] {
  const own = places.project === undefined ? [] : projectContexts(places.project);
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...userContexts(places).filter(({ name }) => !names.has(name))];
}

/** The context of this name; `not_found` with the name that was probably meant. */
export function findContext(places: ContextPlaces, name: string): Context {
  if (isClusterName(name)) return spelledOut(places, name);
  if (name === devContext && places.project !== undefined) return devOf(places.project);
  if (places.project !== undefined) {
    const found = projectContext(places.project, name);
    if (found !== undefined) return found;
  }
  const known = listContexts(places);
  const found = known.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw noContext(
    name,
    known.map((one) => one.name),
  );
}

/** The token of a context, for its own addresses alone. May ask the keychain. */
export function tokenOf(places: ContextPlaces, context: Context): string | undefined {
  const { kind, name, folder, urls, token } = context;
  if (token === "none" || token === "secret") return undefined;
  if (kind === "dev") return folder === undefined ? undefined : readToken(folder);
  if (context.held === "project")
    return folder === undefined ? undefined : readProjectContext(folder, name)?.token;
  const [first, ...others] = urls;
  return first === undefined ? undefined : userToken(places.user, { name, urls: [first, ...others], token });
}

/** False when nothing was saved under this name. `dev` and the targets in agentflow.yaml stay known. */
export async function removeContext(places: ContextPlaces, name: string): Promise<boolean> {
  const { project, user } = places;
  const wasSaved = project !== undefined && removeProjectContext(project, name);
  const was = wasSaved || (await removeUserContext(user, name));
  const isLeft = listContexts(places).some((one) => one.name === name);
  if (project !== undefined && !isLeft && readProjectUse(project)?.name === name) removeProjectUse(project);
  return was;
}

/** From now on commands in this project (or everywhere, outside of projects) speak to it. */
export async function useContext(
  places: ContextPlaces,
  of: { readonly name: string; readonly global: boolean },
): Promise<Context> {
  const { project, user } = places;
  const context = findContext(places, of.name);
  if (!of.global && project !== undefined) {
    if (context.held === "user") await allowInProject(user, { project, name: of.name });
    const before = readProjectUse(project);
    const previous = before?.name === of.name ? before.previous : (before?.name ?? devContext);
    writeProjectUse(project, { name: of.name, ...(previous === undefined ? {} : { previous }) });
    return context;
  }
  if (context.held === "project" && context.kind !== "dev") {
    throw new AgentFlowError("invalid_input", `${of.name} is a context of this project alone`, {
      reason: "context_of_project",
      details: { where: context.file },
      suggestions: [`af context use ${of.name} (for this project)`],
    });
  }
  await useUserContext(user, of.name);
  return context;
}

/** What was in use before, for `-`. */
export function previousContext(places: ContextPlaces, global: boolean): string {
  const { project, user } = places;
  const previous =
    global || project === undefined ? readUserContexts(user).previous : readProjectUse(project)?.previous;
  if (previous !== undefined) return previous;
  throw new AgentFlowError("not_found", "no other context was in use before", {
    reason: "no_previous_context",
    suggestions: ["af context list"],
  });
}

function projectContexts(project: string): Context[] {
  const targets = targetsOf(project).map(({ name }) => name);
  const names = new Set([...targets, ...savedNames(project)].filter((name) => name !== devContext));
  return [
    devOf(project),
    ...[...names].map((name): Context => {
      try {
        return projectContext(project, name) ?? notUp(project, name, "docker");
      } catch (error) {
        return faulty(project, name, AgentFlowError.from(error, "reading a context"));
      }
    }),
  ];
}

/** Undefined when neither a file nor agentflow.yaml names it. Throws what is wrong with its file. */
function projectContext(project: string, name: string): Context | undefined {
  if (!isId("project", name) || name === devContext) return undefined;
  const saved = readProjectContext(project, name);
  const file = projectContextFile(project, name);
  if (saved !== undefined) {
    const { token, savedAt: _, urls = [], ...rest } = saved;
    const without = rest.cluster === undefined ? "none" : "secret";
    const place = token === undefined ? without : "file";
    return { ...rest, urls, name, held: "project", folder: project, token: place, file, state: "known" };
  }
  const target = targetsOf(project).find((one) => one.name === name);
  if (target?.cluster !== undefined)
    return inCluster(name, target.cluster, { folder: project, target: name });
  return target === undefined ? undefined : notUp(project, name, target.kind);
}

function devOf(project: string): Context {
  const running = readDevFile(project);
  const isUp = running !== undefined && isAlive(running.pid);
  const base = { name: devContext, kind: "dev", held: "project", folder: project, token: "file" } as const;
  const file = join(project, ".agentflow/dev.json");
  if (!isUp) return { ...base, urls: [], file, state: "not-up" };
  return { ...base, url: running.url, urls: [running.url], file, state: "known" };
}

function notUp(project: string, name: string, kind: "docker" | "kubernetes"): Context {
  const file = join(project, "agentflow.yaml");
  const of = { held: "project", folder: project, target: name, urls: [], token: "none" } as const;
  return { ...of, name, kind, file, state: "not-up" };
}

function faulty(project: string, name: string, fault: AgentFlowError): Context {
  const file = projectContextFile(project, name);
  return {
    name,
    kind: "docker",
    held: "project",
    folder: project,
    urls: [],
    token: "none",
    file,
    state: "faulty",
    fault,
  };
}

function userContexts({ user }: ContextPlaces): Context[] {
  const file = userContextsFile(user);
  const { contexts, clusters } = readUserContexts(user);
  return [
    ...[...contexts].map(([name, { urls, token }]): Context => {
      return { name, kind: "remote", held: "user", url: urls[0], urls, token, file, state: "known" };
    }),
    ...[...clusters].map(([name, cluster]) => inCluster(name, cluster, { file })),
  ];
}

/** Nobody wrote it down: the name says all. */
function spelledOut({ user }: ContextPlaces, name: string): Context {
  return inCluster(name, clusterNamed(name), { file: userContextsFile(user) });
}

/** One of the user's own, or a target of a project: whether it is deployed, the cluster knows. */
function inCluster(
  name: string,
  cluster: ClusterPlace,
  of: { readonly file: string } | { readonly folder: string; readonly target: string },
): Context {
  const base = { name, kind: "kubernetes", urls: [], cluster, token: "secret", state: "known" } as const;
  if ("file" in of) return { ...base, held: "user", file: of.file };
  return { ...base, held: "project", ...of, file: join(of.folder, "agentflow.yaml") };
}

/** Where a token lies, for people; never the token. */
export function tokenPlace(places: ContextPlaces, { kind, held, token, folder, file }: Context): string {
  if (token === "none") return "none";
  if (token === "keychain") return "the system's keychain";
  if (token === "secret") return "a Secret of the installation, in its cluster";
  if (kind === "dev") return folder === undefined ? "none" : join(folder, ".agentflow/token");
  return held === "project" ? file : credentialsFile(places.user);
}

export function noContext(name: string, known: readonly string[], saidBy?: string): AgentFlowError {
  const near = nearest(name, known);
  return new AgentFlowError("not_found", `there is no context ${JSON.stringify(name)}`, {
    reason: "no_such_context",
    ...(saidBy === undefined ? {} : { details: { where: saidBy } }),
    suggestions: [
      ...(near === undefined ? [] : [`did you mean: ${near}`]),
      known.length === 0 ? "af context add NAME --url URL" : `there are: ${known.slice(0, 8).join(", ")}`,
      "af context list",
    ],
  });
}

function refuseName(name: string): void {
  if (isId("project", name) && name !== devContext) return;
  const message =
    name === devContext
      ? "dev is what af dev runs in the project; no other context has that name"
      : `${JSON.stringify(name.slice(0, 60))} is no name of a context`;
  throw new AgentFlowError("invalid_input", message, {
    reason: "invalid_id",
    suggestions: ["names are of a to z, 0 to 9 and -, and begin with a letter, such as prod"],
  });
}
