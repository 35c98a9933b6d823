/** Objects of a cluster by kind and name, in plain JSON, in one namespace. */
import { AgentFlowError, type Json, type JsonObject } from "@agentflow/protocol";
import type { Cluster, ClusterRequest, ClusterWatching } from "../cluster.ts";
import { fieldManager } from "../labels.ts";
import { until } from "./until.ts";
import { isObject, kindOf, nameOf, numberAt, objectAt, objectsAt, textAt, titleOf } from "./reading.ts";

export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface ObjectName extends Kind {
  readonly name: string;
}

export interface Resource {
  /** `deployments`. */
  readonly plural: string;
  /** Empty for the core. */
  readonly group: string;
  readonly isNamespaced: boolean;
}

export interface ApplyOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export interface Listed {
  readonly items: readonly JsonObject[];
  readonly version: string;
}

export interface Change {
  /** `ADDED`, `MODIFIED`, `DELETED`; a `BOOKMARK` has a version alone. */
  readonly type: string;
  readonly object: JsonObject;
  readonly version: string;
}
const pageItems = 500;
/** Ten thousand objects: more than any release, and all that others may have put beside it. */
const pagesMax = 20;
const listRounds = 3;

type Served = Map<string, Promise<ReadonlyMap<string, Resource>>>;

/** Asks a cluster for what is served once, and remembers it. */
export class Access {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly #served: Served;

  constructor(cluster: Cluster, namespace: string, served: Served = new Map()) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.#served = served;
  }

  /** The same, of which nobody waits for an answer once the signal aborts: what was sent may be done. */
  until(signal: AbortSignal): Access {
    const { cluster } = this;
    const send: Cluster["send"] = async (doing, request) => {
      signal.throwIfAborted();
      return until(signal, cluster.send(doing, request));
    };
    return new Access({ ...cluster, send }, this.namespace, this.#served);
  }

  /** Undefined when the cluster does not serve that kind. */
  async resource({ apiVersion, kind }: Kind): Promise<Resource | undefined> {
    const known = this.#served.get(apiVersion) ?? this.#discover(apiVersion);
    this.#served.set(apiVersion, known);
    // What was not answered is asked again by whoever asks next.
    known.catch(() => this.#served.delete(apiVersion));
    return (await known).get(kind);
  }

  async get(of: ObjectName): Promise<JsonObject | undefined> {
    const found = await this.#orNothing(`reading ${of.kind}/${of.name}`, {
      method: "GET",
      path: await this.#path(of, of.name),
    });
    return isObject(found) ? found : undefined;
  }

  /** By labels, fields; in this namespace, or all that there are of a kind without one. */
  async list(of: Kind, query: Readonly<Record<string, string>> = {}): Promise<readonly JsonObject[]> {
    return (await this.listed(of, query)).items;
  }

  /** With the version from which what changes since then can be watched. */
  async listed(of: Kind, query: Readonly<Record<string, string>> = {}): Promise<Listed> {
    for (let round = 1; ; round++) {
      try {
        return await this.#pages(of, query);
      } catch (error) {
        // The server has forgotten where the last page ended: a list that takes long begins anew.
        const isOver = AgentFlowError.is(error) && error.reason === "cluster_gone";
        if (!isOver || round === listRounds) throw error;
      }
    }
  }

  async #pages(of: Kind, query: Readonly<Record<string, string>>): Promise<Listed> {
    const items: JsonObject[] = [];
    const path = await this.#path(of);
    let [next, version] = ["", ""];
    for (let page = 0; page < pagesMax; page++) {
      const answer = await this.cluster.send(`listing ${of.kind}`, {
        method: "GET",
        path,
        query: { ...query, limit: String(pageItems), ...(next === "" ? {} : { continue: next }) },
      });
      items.push(...objectsAt(answer, "items").map((item) => withKind(of, item)));
      next = textAt(answer, "metadata", "continue");
      version = textAt(answer, "metadata", "resourceVersion");
      if (next === "") return { items, version };
    }
    // Of events the first thousands are enough: they are told beside a failure.
    if (of.kind === "Event") return { items, version };
    throw new AgentFlowError("refused", `there are more than ${items.length} objects of kind ${of.kind}`, {
      reason: "list_too_long",
      details: { namespace: this.namespace },
      suggestions: ["deploy to a namespace of its own: `namespace:` of the target"],
    });
  }

  /** Until the cluster ends it. Throws when it breaks, or when that version is forgotten. */
  async *changes(of: Kind, watching: Omit<ClusterWatching, "path">): AsyncGenerator<Change> {
    const path = await this.#path(of);
    for await (const event of this.cluster.watch(`watching ${of.kind}`, { ...watching, path })) {
      const type = textAt(event, "type");
      const object = withKind(of, objectAt(event, "object"));
      if (type === "ERROR") throw broken(of, object);
      yield { type, object, version: textAt(object, "metadata", "resourceVersion") };
    }
  }

  /** Server-side apply. */
  async apply(object: JsonObject, { dryRun = false, force = false }: ApplyOptions = {}): Promise<JsonObject> {
    const doing = `${dryRun ? "checking" : "applying"} ${titleOf(object)}`;
    const answer = await this.cluster.send(doing, {
      method: "PATCH",
      path: await this.#path(identityOf(object), nameOf(object)),
      query: { fieldManager, force: String(force), ...(dryRun ? { dryRun: "All" } : {}) },
      contentType: "application/apply-patch+yaml",
      body: object,
    });
    return needObject(answer, doing);
  }

  async create(object: JsonObject): Promise<JsonObject> {
    const doing = `making ${titleOf(object)}`;
    const path = await this.#path(identityOf(object));
    const query = { fieldManager };
    return needObject(await this.cluster.send(doing, { method: "POST", path, query, body: object }), doing);
  }

  /** Refuses with `conflict` when it has changed since it was read. */
  async replace(object: JsonObject): Promise<JsonObject> {
    const doing = `writing ${titleOf(object)}`;
    const path = await this.#path(identityOf(object), nameOf(object));
    const query = { fieldManager };
    return needObject(await this.cluster.send(doing, { method: "PUT", path, query, body: object }), doing);
  }

  /** With what it owns, which `isWhole` waits for. Whether it was there: false when it was gone already. */
  async remove(of: ObjectName, uid?: string, isWhole = false): Promise<boolean> {
    const body: JsonObject = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: isWhole ? "Foreground" : "Background",
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    const path = await this.#path(of, of.name);
    const gone = await this.#orNothing(`removing ${of.kind}/${of.name}`, { method: "DELETE", path, body });
    return gone !== undefined;
  }

  async #path(of: Kind, name?: string): Promise<string> {
    const resource = await this.resource(of);
    if (resource === undefined) throw notServed([of]);
    // As part of a path it would lead to another place: to all objects of a kind.
    if (name !== undefined && /^\.{0,2}$/.test(name)) throw noName(of, name);
    const root = of.apiVersion.includes("/") ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
    const within = resource.isNamespaced ? `/namespaces/${encodeURIComponent(this.namespace)}` : "";
    return `${root}${within}/${resource.plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
  }

  async #orNothing(doing: string, request: ClusterRequest): Promise<Json | undefined> {
    try {
      return await this.cluster.send(doing, request);
    } catch (error) {
      if (AgentFlowError.is(error) && error.code === "not_found") return undefined;
      throw error;
    }
  }

  async #discover(apiVersion: string): Promise<ReadonlyMap<string, Resource>> {
    const isCore = !apiVersion.includes("/");
    const path = isCore ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
    const group = isCore ? "" : (apiVersion.split("/")[0] ?? "");
    const answer = await this.#orNothing(`asking what ${apiVersion} has`, { method: "GET", path });
    return new Map(
      objectsAt(answer, "resources").flatMap((one) => {
        const plural = textAt(one, "name");
        if (plural.includes("/")) return [];
        return [[textAt(one, "kind"), { plural, group, isNamespaced: one["namespaced"] === true }] as const];
      }),
    );
  }
}

export function identityOf(object: JsonObject): ObjectName {
  return { apiVersion: textAt(object, "apiVersion"), kind: kindOf(object), name: nameOf(object) };
}

export function notServed(kinds: readonly Kind[]): AgentFlowError {
  const named = kinds.map(({ apiVersion, kind }) => `${kind} (${apiVersion})`).join(", ");
  return new AgentFlowError("refused", `the cluster does not serve ${named}`, {
    reason: "api_not_served",
    details: { kinds },
    suggestions: ["af needs Kubernetes 1.30 or later", "what it serves: kubectl api-resources"],
  });
}

/** Items of a list say neither version nor kind of their own. */
function withKind({ apiVersion, kind }: Kind, object: JsonObject): JsonObject {
  return { apiVersion, kind, ...object };
}

/** A watch ends with a Status of its own when it cannot go on; 410 is the usual one. */
function broken({ kind }: Kind, status: JsonObject): AgentFlowError {
  return new AgentFlowError("unavailable", `watching ${kind}: ${textAt(status, "message")}`, {
    reason: "watch_ended",
    details: { http: numberAt(status, "code") },
  });
}

function noName({ kind }: Kind, name: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `no ${kind} can be called ${JSON.stringify(name)}`, {
    reason: "object_name",
  });
}

function needObject(answer: Json, doing: string): JsonObject {
  if (isObject(answer)) return answer;
  throw new AgentFlowError("internal", `${doing}: the cluster's answer is no object`);
}
