/** Objects of a cluster by kind and name, in plain JSON, in one namespace. */
import { AgentFlowError, type Json, type JsonObject } from "@agentflow/protocol";
import type { Cluster, ClusterRequest } from "../cluster.ts";
import { fieldManager } from "../labels.ts";
import { isObject, kindOf, nameOf, objectsAt, textAt, titleOf } from "./reading.ts";

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

/** Asks a cluster for what is served once, and remembers it. */
export class Access {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly #served = new Map<string, Promise<ReadonlyMap<string, Resource>>>();

  constructor(cluster: Cluster, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
  }

  /** Undefined when the cluster does not serve that kind. */
  async resource({ apiVersion, kind }: Kind): Promise<Resource | undefined> {
    const known = this.#served.get(apiVersion) ?? this.#discover(apiVersion);
    this.#served.set(apiVersion, known);
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
    const items: JsonObject[] = [];
    for (let next = ""; ; ) {
      const more = next === "" ? {} : { continue: next };
      const answer = await this.cluster.send(`listing ${of.kind}`, {
        method: "GET",
        path: await this.#path(of),
        query: { ...query, limit: "500", ...more },
      });
      // Items of a list say neither version nor kind of their own.
      for (const item of objectsAt(answer, "items"))
        items.push({ apiVersion: of.apiVersion, kind: of.kind, ...item });
      next = textAt(answer, "metadata", "continue");
      if (next === "") return items;
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

  /** With what it owns. Whether it was there: false when it was gone already. */
  async remove(of: ObjectName, uid?: string): Promise<boolean> {
    const body: JsonObject = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Background",
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    const path = await this.#path(of, of.name);
    const gone = await this.#orNothing(`removing ${of.kind}/${of.name}`, { method: "DELETE", path, body });
    return gone !== undefined;
  }

  async #path(of: Kind, name?: string): Promise<string> {
    const resource = await this.resource(of);
    if (resource === undefined) throw notServed([of]);
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
    suggestions: ["af needs Kubernetes 1.29 or later", "what it serves: kubectl api-resources"],
  });
}

function needObject(answer: Json, doing: string): JsonObject {
  if (isObject(answer)) return answer;
  throw new AgentFlowError("internal", `${doing}: the cluster's answer is no object`);
}
