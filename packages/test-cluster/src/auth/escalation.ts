/** Nobody may give rights that he does not have. */
import type { Write } from "../api/change.ts";
import { forbidden, notFound, type StatusError } from "../api/status.ts";
import { textAt } from "../json.ts";
import type { JsonObject } from "../object.ts";
import type { Store } from "../store.ts";
import { isMaster, mayDo, type Rule, rulesIn, rulesOf } from "./rbac.ts";

const group = "rbac.authorization.k8s.io";

export function refuseEscalation(store: Store, write: Write, object: JsonObject): void {
  if (write.resource.group !== group || isMaster(write.user)) return;
  const { plural } = write.resource;
  const isRole = plural === "roles" || plural === "clusterroles";
  const verb = isRole ? "escalate" : "bind";
  const name = textAt(object, "metadata", "name") ?? "";
  const { user, namespace } = write;
  const role = isRole ? plural : `${(textAt(object, "roleRef", "kind") ?? "").toLowerCase()}s`;
  const asked = { verb, group, resource: role, subresource: "", namespace, name };
  if (mayDo(store, user, asked)) return;
  const granted = isRole ? rulesIn(object) : rulesReferred(store, write, object);
  const own = rulesOf(store, user, namespace);
  const missing = granted.filter((rule) => !isCovered(rule, own));
  if (missing.length > 0) throw refusal(write, name, missing);
}

function refusal(write: Write, name: string, missing: readonly Rule[]): StatusError {
  const { user, resource } = write;
  const groups = user.groups.map((one) => JSON.stringify(one)).join(" ");
  const listed = missing.map(shown).join("\n");
  const who = `user ${JSON.stringify(user.name)} (groups=[${groups}])`;
  return forbidden(
    resource,
    name,
    `${who} is attempting to grant RBAC permissions not currently held:\n${listed}`,
  );
}

function rulesReferred(store: Store, write: Write, binding: JsonObject): readonly Rule[] {
  const wide = textAt(binding, "roleRef", "kind") === "ClusterRole";
  const name = textAt(binding, "roleRef", "name") ?? "";
  const resource = `${wide ? "clusterroles" : "roles"}.${group}`;
  const found = store.get({ resource, namespace: wide ? "" : write.namespace, name });
  // What it would give is looked up, so it has to be there; who may bind whatever it is need not be asked.
  if (found === undefined) throw notFound(wide ? clusterRole : role, name);
  return rulesIn(found);
}

const role = { group, plural: "roles", kind: "Role" };
const clusterRole = { group, plural: "clusterroles", kind: "ClusterRole" };

/** Each single right of the rule must be in one rule that the user has. */
function isCovered(rule: Rule, own: readonly Rule[]): boolean {
  const names = rule.resourceNames.length === 0 ? [""] : rule.resourceNames;
  const parts = rule.verbs.flatMap((verb) =>
    rule.apiGroups.flatMap((of) =>
      rule.resources.flatMap((resource) => names.map((name) => ({ verb, group: of, resource, name }))),
    ),
  );
  const urls = rule.verbs.flatMap((verb) => rule.nonResourceURLs.map((url) => ({ verb, url })));
  return (
    parts.every((part) => own.some((one) => gives(one, part))) &&
    urls.every(({ verb, url }) => own.some((one) => has(one.verbs, verb) && has(one.nonResourceURLs, url)))
  );
}

function gives(own: Rule, part: { verb: string; group: string; resource: string; name: string }): boolean {
  const named = own.resourceNames.length === 0 || own.resourceNames.includes(part.name);
  return (
    named && has(own.verbs, part.verb) && has(own.apiGroups, part.group) && has(own.resources, part.resource)
  );
}

function has(list: readonly string[], one: string): boolean {
  return list.includes("*") || list.includes(one);
}

function shown(rule: Rule): string {
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["ResourceNames", rule.resourceNames],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["Verbs", rule.verbs],
  ] as const;
  const told = parts.filter(([, list]) => list.length > 0);
  return `{${told.map(([title, list]) => `${title}:${JSON.stringify(list)}`).join(", ")}}`;
}
