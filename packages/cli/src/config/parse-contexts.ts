/** The doors of the files that hold contexts: a damaged one is refused with its place and what to do. */
import type { EngineAddress } from "@agentflow/cluster/engine";
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import { AgentFlowError, isId } from "@agentflow/protocol";
import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import { clusterNamed } from "./cluster-name.ts";

export type ContextKind = "dev" | "docker" | "kubernetes" | "remote";

/** More control planes than any installation has. */
export const addressesMax = 100;

/** `.agentflow/contexts/<name>.json`: what `af up` and `af deploy` leave about one target. */
export interface ProjectContextFile {
  readonly name: string;
  readonly kind: "docker" | "kubernetes";
  /** Absent: its API is reached through its engine or its cluster alone. */
  readonly url?: string;
  /** Of all its control planes, `url` the first of them; absent: there is one. */
  readonly urls?: readonly string[];
  readonly token?: string;
  /** The project's name, as in the labels of its containers. */
  readonly project?: string;
  readonly target: string;
  readonly engine?: EngineAddress;
  readonly cluster?: ClusterPlace;
  readonly savedAt?: string;
}

/** `contexts.yaml`: the user's own, without a secret. */
export interface UserContexts {
  readonly current?: string;
  readonly previous?: string;
  readonly contexts: ReadonlyMap<string, UserContext>;
  /** Those in clusters: where they lie; their token is read there. */
  readonly clusters: ReadonlyMap<string, ClusterPlace>;
  /** Which of them the user chose in which project, by its folder. */
  readonly projects: ReadonlyMap<string, string>;
}

export const noUserContexts: UserContexts = {
  contexts: new Map(),
  clusters: new Map(),
  projects: new Map(),
};

export interface UserContext {
  readonly urls: Addresses;
  readonly token: TokenPlace;
}

/** Of the control planes of one installation, in the order in which they are asked. */
export type Addresses = readonly [string, ...string[]];

export type TokenPlace = "file" | "keychain" | "none";

/** `credentials.json`: a token is kept with the addresses that it is for. */
export type Credentials = ReadonlyMap<string, Credential>;

export interface Credential {
  readonly urls: Addresses;
  readonly token: string;
}

export interface TargetName {
  readonly name: string;
  readonly kind: "docker" | "kubernetes";
  /** Of one in a cluster: where it lies, by its own words; undefined where they hold references. */
  readonly cluster?: ClusterPlace;
}

export function parseProjectContext(text: string, file: string): ProjectContextFile {
  const next = `remove it: rm ${file}; af up and af deploy write it anew`;
  const value = objectIn(text, file, next);
  const { name, kind, url, urls, token, project, target, engine, cluster, savedAt } = value;
  if (!isId("project", name)) throw damaged(file, "it has no name", next);
  if (kind !== "docker" && kind !== "kubernetes") throw damaged(file, "its kind is unknown", next);
  if (url !== undefined && !isUrl(url)) throw damaged(file, "its url is no address", next);
  const all = url === undefined ? undefined : addressesOf(url, urls);
  if (urls !== undefined && all === undefined) throw damaged(file, "its urls are no addresses", next);
  if (token !== undefined && typeof token !== "string") throw damaged(file, "its token is no text", next);
  const where = engineOf(engine);
  if (engine !== undefined && where === undefined) throw damaged(file, "its engine has no address", next);
  const place = clusterOf(cluster);
  if (cluster !== undefined && place === undefined) throw damaged(file, "its cluster has no place", next);
  if (url === undefined && where === undefined && place === undefined)
    throw damaged(file, "it has neither url nor engine nor cluster", next);
  return {
    name,
    kind,
    target: typeof target === "string" ? target : name,
    ...(typeof project === "string" ? { project } : {}),
    ...(url === undefined ? {} : { url, urls: all ?? [url] }),
    ...(token === undefined ? {} : { token }),
    ...(where === undefined ? {} : { engine: where }),
    ...(place === undefined ? {} : { cluster: place }),
    ...(typeof savedAt === "string" ? { savedAt } : {}),
  };
}

export function parseUserContexts(text: string, file: string): UserContexts {
  const next = `correct it, or remove it and add the contexts again: rm ${file}`;
  const value = yamlIn(text, file, next);
  if (value === null || value === undefined) return noUserContexts;
  if (!isObject(value)) throw damaged(file, "it is no map", next);
  refuseNewer(value["v"], file);
  const listed = value["contexts"] ?? {};
  if (!isObject(listed)) throw damaged(file, "contexts is no map", next);
  const contexts = new Map<string, UserContext>();
  const clusters = new Map<string, ClusterPlace>();
  for (const [name, one] of Object.entries(listed)) {
    const shown = JSON.stringify(name.slice(0, 60));
    if (!isId("project", name) || name === "dev")
      throw damaged(file, `${shown} is no name of a context`, next);
    const at = isObject(one) ? one["cluster"] : undefined;
    if (typeof at === "string") {
      clusters.set(name, placeIn(at) ?? refuse(file, `cluster of ${name} is no k8s:CONTEXT/NAMESPACE`, next));
      continue;
    }
    if (!isObject(one) || !isUrl(one["url"]))
      throw damaged(file, `${name} has no url with http or https`, next);
    const { token = "none" } = one;
    const urls = addressesOf(one["url"], one["urls"]);
    if (urls === undefined) throw damaged(file, `urls of ${name} is no list of addresses`, next);
    if (token !== "file" && token !== "keychain" && token !== "none")
      throw damaged(file, `token of ${name} is none of file, keychain, none`, next);
    contexts.set(name, { urls, token });
  }
  const { current, previous, projects } = value;
  const chosen = Object.entries(isObject(projects) ? projects : {});
  return {
    contexts,
    clusters,
    projects: new Map(chosen.map(([folder, name]) => [folder, String(name)])),
    ...(typeof current === "string" ? { current } : {}),
    ...(typeof previous === "string" ? { previous } : {}),
  };
}

export function parseCredentials(text: string, file: string): Credentials {
  const next = `remove it: rm ${file}; then af context add --replace for each context`;
  const { tokens } = objectIn(text, file, next);
  if (!isObject(tokens)) throw damaged(file, "it holds no tokens", next);
  const found = new Map<string, Credential>();
  for (const [name, one] of Object.entries(tokens)) {
    const urls = isObject(one) && isUrl(one["url"]) ? addressesOf(one["url"], one["urls"]) : undefined;
    if (!isObject(one) || urls === undefined || typeof one["token"] !== "string")
      throw damaged(file, "a token in it has no url or no text", next);
    found.set(name, { urls, token: one["token"] });
  }
  return found;
}

/** The targets of containers in agentflow.yaml; none when it cannot be read: that is said elsewhere. */
export function parseTargets(text: string): TargetName[] {
  let value: unknown;
  try {
    value = yaml().parse(text);
  } catch {
    return [];
  }
  const targets = isObject(value) ? value["targets"] : undefined;
  if (!isObject(targets)) return [];
  return Object.entries(targets).flatMap(([name, target]): TargetName[] => {
    const kind = isObject(target) ? target["kind"] : undefined;
    if (!isId("project", name) || (kind !== "docker" && kind !== "kubernetes")) return [];
    const cluster = kind === "kubernetes" ? placeOfTarget(name, value, target) : undefined;
    return [{ name, kind, ...(cluster === undefined ? {} : { cluster }) }];
  });
}

/** As `af deploy` takes it: the namespace is the project's name unless the target names one. */
function placeOfTarget(target: string, project: unknown, written: unknown): ClusterPlace | undefined {
  if (!isObject(project) || !isObject(written)) return undefined;
  const { name } = project;
  const { context, namespace = name } = written;
  const isPlain = [name, namespace, context ?? ""].every(
    (one) => typeof one === "string" && !one.includes("${"),
  );
  if (!isPlain || typeof name !== "string" || typeof namespace !== "string") return undefined;
  return { ...(typeof context === "string" ? { context } : {}), namespace, project: name, target };
}

/** `contexts.yaml` after a change; comments and what else stands in it stay. */
export function editUserContexts(
  text: string,
  edit: (document: {
    set(path: readonly string[], value: unknown): void;
    delete(path: readonly string[]): void;
  }) => void,
): string {
  const document = yaml().parseDocument(
    text === "" ? "# Installations that af knows; tokens are kept elsewhere.\nv: 1\n" : text,
  );
  edit({
    set: (path, value) => document.setIn(path, value),
    delete: (path) => void document.deleteIn(path),
  });
  return document.toString();
}

/** Loaded when such a file is there: it costs more than most commands do. */
function yaml(): typeof Yaml {
  return createRequire(import.meta.url)("yaml") as typeof Yaml;
}

function yamlIn(text: string, file: string, next: string): unknown {
  try {
    return yaml().parse(text);
  } catch (error) {
    const [why = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw damaged(file, why, next);
  }
}

function objectIn(text: string, file: string, next: string): { readonly [key: string]: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(file, "it is not JSON", next);
  }
  if (!isObject(value)) throw damaged(file, "it is no object", next);
  refuseNewer(value["v"], file);
  return value;
}

function refuseNewer(v: unknown, file: string): void {
  if (v === undefined || v === 1) return;
  throw new AgentFlowError("refused", `${file} was written by a newer af`, {
    reason: "newer_file",
    details: { where: file },
    suggestions: ["update af"],
  });
}

function engineOf(value: unknown): EngineAddress | undefined {
  if (!isObject(value)) return undefined;
  const { host, certificates, verify, from } = value;
  if (typeof host !== "string") return undefined;
  return {
    host,
    verify: verify !== false,
    from: typeof from === "string" ? from : "context",
    ...(typeof certificates === "string" ? { certificates } : {}),
  };
}

function clusterOf(value: unknown): ClusterPlace | undefined {
  if (!isObject(value)) return undefined;
  const { context, namespace, release, files, server } = value;
  if (typeof context !== "string" || typeof namespace !== "string" || typeof release !== "string")
    return undefined;
  const named = Array.isArray(files) ? files.filter((one) => typeof one === "string") : [];
  return {
    context,
    namespace,
    release,
    ...(named.length === 0 ? {} : { files: named }),
    ...(typeof server === "string" ? { server } : {}),
  };
}

function placeIn(text: string): ClusterPlace | undefined {
  try {
    return clusterNamed(text);
  } catch {
    return undefined;
  }
}

function refuse(file: string, why: string, next: string): never {
  throw damaged(file, why, next);
}

/** As files keep them: `url` as they always had it, and all of them in `urls` where there are several. */
export function writtenAddresses(urls: Addresses): { readonly url: string; readonly urls?: Addresses } {
  return urls.length === 1 ? { url: urls[0] } : { url: urls[0], urls };
}

/** `url` first, whatever else is listed; undefined when one of them is no address. */
function addressesOf(url: string, listed: unknown = []): Addresses | undefined {
  if (!Array.isArray(listed) || listed.length > addressesMax || !listed.every(isUrl)) return undefined;
  return [url, ...new Set(listed.filter((one) => one !== url))];
}

function isUrl(value: unknown): value is string {
  return typeof value === "string" && /^https?:$/.test(URL.parse(value)?.protocol ?? "");
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(file: string, why: string, next: string): AgentFlowError {
  return new AgentFlowError("refused", `${file} cannot be used: ${why}`, {
    reason: "context_unreadable",
    details: { where: file },
    suggestions: [next],
  });
}
