/** May I, what may I, who am I: the reviews, answered and not kept. */
import { at, isObject, numberAt, objectAt, textAt, without } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import type { Call } from "../api/call.ts";
import { apiVersionOf } from "../api/resources.ts";
import { invalid, noSuchResource, notFound } from "../api/status.ts";
import type { Store } from "../store.ts";
import { isMaster, mayDo, mayVisit, type Rule, rulesOf } from "./rbac.ts";
import type { User, Users } from "./users.ts";

export function isReview(call: Call): boolean {
  return ["authorization.k8s.io", "authentication.k8s.io"].includes(call.resource.group);
}

export function review(store: Store, users: Users, call: Call, body: JsonObject): JsonObject {
  const head = { kind: call.resource.kind, apiVersion: apiVersionOf(call.resource) };
  switch (call.resource.plural) {
    case "selfsubjectaccessreviews":
      return { ...head, ...accessReview(store, call.user, body) };
    case "subjectaccessreviews":
    case "localsubjectaccessreviews":
      return { ...head, ...accessReview(store, subjectOf(body), body) };
    case "selfsubjectrulesreviews":
      return { ...head, metadata: {}, spec: {}, status: rulesStatus(store, call.user, body) };
    case "selfsubjectreviews":
      return {
        ...head,
        metadata: { creationTimestamp: stamp(Date.now()) },
        status: { userInfo: infoOf(call.user) },
      };
    case "tokenreviews":
      return { ...head, ...tokenReview(users, body) };
    default:
      throw noSuchResource();
  }
}

function accessReview(store: Store, user: User, body: JsonObject): JsonObject {
  const spec = objectAt(body, "spec");
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (isObject(resource) === isObject(path)) throw exactlyOne();
  const allowed = isObject(path)
    ? mayVisit(store, user, textAt(path, "verb") ?? "", textAt(path, "path") ?? "")
    : mayDo(store, user, askedIn(resource));
  return { metadata: objectAt(body, "metadata"), spec, status: { allowed } };
}

function askedIn(attributes: Json | undefined) {
  return {
    verb: textAt(attributes, "verb") ?? "",
    group: textAt(attributes, "group") ?? "",
    resource: textAt(attributes, "resource") ?? "",
    subresource: textAt(attributes, "subresource") ?? "",
    namespace: textAt(attributes, "namespace") ?? "",
    name: textAt(attributes, "name") ?? "",
  };
}

function exactlyOne(): Error {
  const message =
    "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
  const cause = { reason: "FieldValueInvalid", message, field: "spec.resourceAttributes" };
  return invalid({ group: "authorization.k8s.io", kind: "" }, "", [cause]);
}

function subjectOf(body: JsonObject): User {
  const groups = objectAt(body, "spec")["groups"];
  const listed = Array.isArray(groups) ? groups.filter((one) => typeof one === "string") : [];
  return { name: textAt(body, "spec", "user") ?? "", groups: listed };
}

function rulesStatus(store: Store, user: User, body: JsonObject): JsonObject {
  const all: readonly Rule[] = isMaster(user)
    ? [everything, everywhere]
    : rulesOf(store, user, textAt(body, "spec", "namespace") ?? "");
  const resourceRules = all
    .filter((rule) => rule.nonResourceURLs.length === 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames.length === 0 ? {} : { resourceNames }),
    }));
  const nonResourceRules = all
    .filter((rule) => rule.nonResourceURLs.length > 0)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  return { resourceRules, nonResourceRules, incomplete: false };
}

const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
const everything: Rule = { ...none, verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
const everywhere: Rule = { ...none, verbs: ["*"], nonResourceURLs: ["*"] };

function infoOf(user: User): JsonObject {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined ? {} : { extra: { ...user.extra } }),
  };
}

function tokenReview(users: Users, body: JsonObject): JsonObject {
  const user = users.find(textAt(body, "spec", "token") ?? "");
  const status =
    user === undefined
      ? { user: {}, error: "invalid bearer token" }
      : { authenticated: true, user: infoOf(user) };
  return { metadata: {}, spec: objectAt(body, "spec"), status };
}

const defaultTokenSeconds = 3600;

/** A token for a ServiceAccount, as pods and people get one. */
export function tokenFor(store: Store, users: Users, call: Call, body: JsonObject): JsonObject {
  const { namespace, name } = call;
  const account = store.get({ resource: "serviceaccounts", namespace, name });
  if (account === undefined) throw notFound(call.resource, name);
  const uid = textAt(account, "metadata", "uid") ?? "";
  const expirationSeconds = numberAt(body, "spec", "expirationSeconds") ?? defaultTokenSeconds;
  const { token, expiresAtMs } = users.issueForServiceAccount(
    { namespace, name, uid },
    expirationSeconds * 1000,
  );
  const audiences = at(body, "spec", "audiences") ?? ["https://kubernetes.default.svc.cluster.local"];
  return {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {
      ...without(objectAt(body, "metadata"), "name"),
      name,
      namespace,
      uid,
      creationTimestamp: stamp(Date.now()),
    },
    spec: { audiences, expirationSeconds, boundObjectRef: at(body, "spec", "boundObjectRef") ?? null },
    status: { token, expirationTimestamp: stamp(expiresAtMs) },
  };
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
