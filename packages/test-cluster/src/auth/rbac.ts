/** RBAC: which rules a user has by Roles and ClusterRoles, and whether one of them allows what is asked. */
import { isObject, listAt, textAt, textsAt } from "../json.ts";
import type { Json } from "../object.ts";
import type { Store } from "../store.ts";
import type { User } from "./users.ts";

export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export interface ResourceAsked {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

const group = "rbac.authorization.k8s.io";

export function rulesOf(store: Store, user: User, namespace: string): readonly Rule[] {
  const found = store
    .list(`clusterrolebindings.${group}`)
    .filter((binding) => binds(binding, user, ""))
    .flatMap((binding) => rulesBehind(store, binding, ""));
  if (namespace === "") return found;
  const own = store
    .list(`rolebindings.${group}`, namespace)
    .filter((binding) => binds(binding, user, namespace))
    .flatMap((binding) => rulesBehind(store, binding, namespace));
  return [...found, ...own];
}

export function isMaster(user: User): boolean {
  return user.groups.includes("system:masters");
}

export function mayDo(store: Store, user: User, asked: ResourceAsked): boolean {
  return isMaster(user) || rulesOf(store, user, asked.namespace).some((rule) => allows(rule, asked));
}

export function mayVisit(store: Store, user: User, verb: string, path: string): boolean {
  if (isMaster(user)) return true;
  return rulesOf(store, user, "").some(
    (rule) => has(rule.verbs, verb) && rule.nonResourceURLs.some((url) => covers(url, path)),
  );
}

export function allows(rule: Rule, asked: ResourceAsked): boolean {
  const wanted = asked.subresource === "" ? asked.resource : `${asked.resource}/${asked.subresource}`;
  const named = rule.resources.some(
    (one) => one === "*" || one === wanted || (one === `*/${asked.subresource}` && asked.subresource !== ""),
  );
  const byName = rule.resourceNames.length === 0 || rule.resourceNames.includes(asked.name);
  return named && byName && has(rule.verbs, asked.verb) && has(rule.apiGroups, asked.group);
}

/** Rules as they stand in a Role. */
export function rulesIn(role: Json | undefined): readonly Rule[] {
  return listAt(role, "rules").map((one) => ({
    verbs: textsAt(one, "verbs"),
    apiGroups: textsAt(one, "apiGroups"),
    resources: textsAt(one, "resources"),
    resourceNames: textsAt(one, "resourceNames"),
    nonResourceURLs: textsAt(one, "nonResourceURLs"),
  }));
}

function has(list: readonly string[], one: string): boolean {
  return list.includes("*") || list.includes(one);
}

function covers(url: string, path: string): boolean {
  return url === "*" || url === path || (url.endsWith("*") && path.startsWith(url.slice(0, -1)));
}

function binds(binding: Json, user: User, namespace: string): boolean {
  return listAt(binding, "subjects").some(
    (subject) => isObject(subject) && isSubject(subject, user, namespace),
  );
}

function isSubject(subject: Json, user: User, namespace: string): boolean {
  const name = textAt(subject, "name") ?? "";
  const kind = textAt(subject, "kind");
  if (kind === "User") return user.name === name;
  if (kind === "Group") return user.groups.includes(name);
  const home = textAt(subject, "namespace") ?? namespace;
  return kind === "ServiceAccount" && user.name === `system:serviceaccount:${home}:${name}`;
}

function rulesBehind(store: Store, binding: Json, namespace: string): readonly Rule[] {
  const name = textAt(binding, "roleRef", "name") ?? "";
  const wide = textAt(binding, "roleRef", "kind") === "ClusterRole";
  const resource = `${wide ? "clusterroles" : "roles"}.${group}`;
  return rulesIn(store.get({ resource, namespace: wide ? "" : namespace, name }));
}
