/** Where the installation is: told by flag or environment, the context in use, or what runs here. */
import { AgentFlowError } from "@agentflow/protocol";
import { type Choice, chooseContext, given } from "./choose-context.ts";
import { contextPlaces, type ContextPlaces, findProject } from "./context-places.ts";
import { type Context, devContext, findContext, listContexts, noContext, tokenOf } from "./contexts.ts";
import { isAlive, readDevFile } from "./dev-file.ts";
import { withTokenFile } from "./token-file.ts";
import { isAllowedInProject } from "./user-contexts.ts";

export { findProject } from "./context-places.ts";
export { isAlive, readDevFile } from "./dev-file.ts";

export interface Installation {
  /** Empty when it is reached through its engine alone. */
  readonly url: string;
  /** Of all its control planes, `url` first: when one of them is gone, the next is asked. */
  readonly urls: readonly string[];
  readonly token?: string;
  /** What told us: `flag`, `environment`, a file or the project's folder. */
  readonly from: string;
  /** Absent: an address was told. */
  readonly context?: Context;
}

export interface Looking {
  readonly folder: string;
  readonly url?: string | undefined;
  /** A context's name. */
  readonly context?: string | undefined;
  readonly environment: { readonly [name: string]: string | undefined };
}

/** Refuses with `unavailable` when nothing was told and nothing runs here. Only reads a few small files. */
export function findInstallation(looking: Looking): Installation {
  const places = contextPlaces(looking);
  const choice = chooseContext(places, looking);
  const found =
    choice.kind === "url" ? toldByAddress(places, choice, looking) : toldByContext(places, choice, looking);
  for (const url of found.urls) refuseOpenToken({ ...found, url });
  return found;
}

/** As `findProject`, but refuses when there is none. */
export function needProject(folder: string): string {
  const project = findProject(folder);
  if (project !== undefined) return project;
  throw new AgentFlowError("invalid_project", "this is not an AgentFlow project", {
    reason: "no_project",
    details: { where: `${folder} (no agentflow.yaml here or above)` },
    suggestions: ["af init my-project", "cd into a project, or use -C DIR"],
  });
}

/** A token goes in the clear to this machine alone. */
export function refuseOpenToken({ url, token }: Pick<Installation, "url" | "token">): void {
  const { protocol, hostname } = URL.parse(url) ?? {};
  if (token === undefined || protocol !== "http:" || hostname === undefined || isLoopback(hostname)) return;
  const port = URL.parse(url)?.port || "80";
  throw new AgentFlowError("forbidden", `a token does not travel over plain http to ${hostname}`, {
    reason: "token_over_http",
    details: { where: url },
    suggestions: [
      "put a proxy with TLS before it, and use https://",
      `or a tunnel: ssh -L 4180:127.0.0.1:${port} ${hostname}, then --url http://127.0.0.1:4180`,
    ],
  });
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

function toldByAddress(
  places: ContextPlaces,
  choice: Extract<Choice, { readonly kind: "url" }>,
  { environment }: Looking,
): Installation {
  const { url } = choice;
  const token = given(withTokenFile(environment)["AF_TOKEN"]) ?? ownTokenOf(places, url);
  const from = choice.by === "flag" ? "flag" : "environment";
  return { url, urls: [url], from, ...(token === undefined ? {} : { token }) };
}

/** A context's own token goes to its own addresses and to no other. */
function ownTokenOf(places: ContextPlaces, url: string): string | undefined {
  const context = listContexts(places).find(({ urls }) => urls.some((one) => isSameAddress(one, url)));
  return context === undefined ? undefined : tokenOf(places, context);
}

function isSameAddress(a: string, b: string): boolean {
  const [left, right] = [URL.parse(a)?.href, URL.parse(b)?.href];
  return left !== undefined && left === right;
}

function toldByContext(
  places: ContextPlaces,
  choice: Extract<Choice, { readonly kind: "context" }>,
  { folder, environment }: Looking,
): Installation {
  if (choice.name === devContext) return devInstallation(places, { folder, environment, choice });
  const context = contextOf(places, choice);
  if (context.state === "not-up") throw notUp(context, choice);
  refuseForeignChoice(places, context, choice);
  // AF_TOKEN belongs to AF_URL: what opens one installation is not shown to another.
  const token = tokenOf(places, context);
  const from = choice.by === "default" ? context.file : choice.place;
  const { url = "", urls } = context;
  return { url, urls, from, context, ...(token === undefined ? {} : { token }) };
}

/** The file may have come with a copy of the project: where tokens of the user go, it does not decide. */
function refuseForeignChoice(
  { project, user }: ContextPlaces,
  { held, name }: Context,
  choice: Choice,
): void {
  if (project === undefined || choice.by !== "project" || held !== "user") return;
  if (isAllowedInProject(user, { project, name })) return;
  const { place } = choice;
  throw new AgentFlowError("refused", `this project chooses ${name}, a context of yours, and you did not`, {
    reason: "context_not_chosen",
    details: { where: place },
    suggestions: [
      `if it is meant: af context use ${name}`,
      `or not: rm ${place}`,
      "this once: --context NAME",
    ],
  });
}

function contextOf(
  places: ContextPlaces,
  { name, place }: { readonly name: string; readonly place: string },
): Context {
  try {
    return findContext(places, name);
  } catch (error) {
    if (!AgentFlowError.is(error) || error.reason !== "no_such_context") throw error;
    const known = listContexts(places).map((one) => one.name);
    throw noContext(name, known, place);
  }
}

function devInstallation(
  { project }: ContextPlaces,
  of: Pick<Looking, "folder" | "environment"> & { readonly choice: Choice },
): Installation {
  if (project === undefined) throw noProject(of.folder);
  const context = findContext({ project, user: "" }, devContext);
  if (context.url === undefined) throw notRunning(project, hasTarget({ project, user: "" }));
  const { url, urls } = context;
  for (const one of urls) refuseDevElsewhere(one, context.file);
  const told = given(withTokenFile(of.environment)["AF_TOKEN"]);
  const token = told ?? tokenOf({ project, user: "" }, context);
  return { url, urls, from: project, context, ...(token === undefined ? {} : { token }) };
}

/** `af dev` runs on this machine: a file that says otherwise may have come with a copy of the project. */
function refuseDevElsewhere(url: string, file: string): void {
  const host = URL.parse(url)?.hostname ?? "";
  if (isLoopback(host)) return;
  throw new AgentFlowError("refused", `the af dev of this project is said to run at ${host}, not here`, {
    reason: "dev_elsewhere",
    details: { where: file },
    suggestions: [
      "let it answer here as well: af dev --host 0.0.0.0",
      `or if no af dev of yours wrote that: rm ${file}`,
    ],
  });
}

function noProject(folder: string): AgentFlowError {
  return new AgentFlowError(
    "unavailable",
    "this is not an AgentFlow project, and AF_URL names no installation",
    {
      reason: "no_installation",
      details: { where: `${folder} (no agentflow.yaml here or above)` },
      suggestions: [
        "af init my-project",
        "cd into a project, or use -C DIR",
        "export AF_URL=https://…, or af context list",
      ],
    },
  );
}

function hasTarget(places: ContextPlaces): boolean {
  return listContexts(places).some(({ kind }) => kind === "docker");
}

function notRunning(project: string, onContainers: boolean): AgentFlowError {
  const left = readDevFile(project);
  const why =
    left === undefined || isAlive(left.pid)
      ? "no .agentflow/dev.json"
      : `.agentflow/dev.json names process ${left.pid}, which is gone`;
  return new AgentFlowError("unavailable", "af dev is not running here", {
    reason: "not_running",
    details: { where: `${project} (${why})` },
    suggestions: ["af dev", ...(onContainers ? ["or on containers: af up"] : [])],
  });
}

function notUp({ name, target, kind }: Context, { by, place }: Choice): AgentFlowError {
  const isChosen = by === "project" || by === "user" ? ", the context in use," : "";
  return new AgentFlowError("unavailable", `${name}${isChosen} is not up`, {
    reason: "not_up",
    details: { where: place },
    suggestions: [
      ...(kind === "kubernetes"
        ? [`af deploy ${target ?? name}`, "deployed from elsewhere: --context k8s:CONTEXT/NAMESPACE"]
        : [`af up ${target ?? name}`]),
      "another one: --context NAME, af context list",
    ],
  });
}
