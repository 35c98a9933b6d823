/** One request, read: which resource, which verb, who asks. */
import type { User } from "../auth/users.ts";
import type { Registry, Resource, Subresource } from "./resources.ts";
import { badRequest, noSuchResource, StatusError } from "./status.ts";

export interface Call {
  readonly user: User;
  readonly method: string;
  readonly verb: string;
  readonly resource: Resource;
  readonly sub: Subresource | undefined;
  readonly namespace: string;
  /** Empty where the whole collection is meant. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly contentType: string;
  readonly userAgent: string;
}

/** Where in the API a path leads, before anybody has looked whether it is there. */
export interface Place {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly sub: string;
  readonly namespace: string;
  readonly name: string;
}

/** Undefined for what is no path of a resource: discovery, health. */
export function placeOf(path: string): Place | undefined {
  const parts = path
    .split("/")
    .filter((one) => one !== "")
    .map(decodeURIComponent);
  const core = parts[0] === "api";
  if (!core && parts[0] !== "apis") return undefined;
  const [group = "", version = ""] = core ? ["", parts[1]] : [parts[1], parts[2]];
  const rest = parts.slice(core ? 2 : 3);
  if (rest.length === 0) return undefined;
  if (rest[0] === "namespaces" && rest[2] !== undefined && !(rest.length === 3 && isOfNamespace(rest[2]))) {
    const [, namespace = "", plural = "", name = "", ...sub] = rest;
    return { group, version, plural, name, namespace, sub: sub.join("/") };
  }
  const [plural = "", name = "", ...sub] = rest;
  const namespace = plural === "namespaces" ? name : "";
  return { group, version, plural, name, namespace, sub: sub.join("/") };
}

function isOfNamespace(word: string): boolean {
  return word === "status" || word === "finalize";
}

export function verbOf(method: string, place: Place, query: URLSearchParams): string {
  const one = place.name !== "";
  switch (method) {
    case "GET":
    case "HEAD":
      if (one) return "get";
      return isTrue(query.get("watch")) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return one ? "delete" : "deletecollection";
    default:
      return "";
  }
}

export function served(
  registry: Registry,
  place: Place,
): { resource: Resource; sub: Subresource | undefined } {
  const resource = registry.find(place.group, place.version, place.plural);
  if (resource === undefined) throw noSuchResource();
  if (place.sub === "") return { resource, sub: undefined };
  const sub = resource.subresources.find((one) => one.name === place.sub);
  if (sub === undefined) throw noSuchResource();
  return { resource, sub };
}

export function methodNotAllowed(): StatusError {
  const text = "the server does not allow this method on the requested resource";
  return new StatusError(405, "MethodNotAllowed", text, {});
}

export function isTrue(value: string | null): boolean {
  return value === "true" || value === "1" || value === "";
}

export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^-?\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

export function isDryRun(query: URLSearchParams): boolean {
  return query.getAll("dryRun").includes("All");
}
