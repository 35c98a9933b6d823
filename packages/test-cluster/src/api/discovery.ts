/** What a client asks first: groups, versions and kinds, plain and aggregated. */
import type { Json, JsonObject } from "../object.ts";
import { apiVersionOf, type Registry, type Resource } from "./resources.ts";

export function coreVersions(address: string): JsonObject {
  const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: address }];
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
}

export function groupList(registry: Registry): JsonObject {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groupsOf(registry).map(plainGroup) };
}

export function oneGroup(registry: Registry, group: string): JsonObject | undefined {
  const found = groupsOf(registry).find((one) => one.group === group);
  return found && { kind: "APIGroup", apiVersion: "v1", ...plainGroup(found) };
}

export function resourceList(registry: Registry, group: string, version: string): JsonObject | undefined {
  const served = registry.all().filter((one) => one.group === group && one.version === version);
  if (served.length === 0) return undefined;
  const groupVersion = apiVersionOf({ group, version });
  const head = group === "" ? { kind: "APIResourceList" } : { kind: "APIResourceList", apiVersion: "v1" };
  return { ...head, groupVersion, resources: served.flatMap(plainResources) };
}

/** `/api` has the core group, `/apis` all others. */
export function aggregated(registry: Registry, core: boolean): JsonObject {
  const groups = core ? [{ group: "", version: "v1" }] : groupsOf(registry);
  const items = groups.map(({ group, version }) => ({
    metadata: group === "" ? {} : { name: group },
    versions: [
      {
        version,
        resources: registry
          .all()
          .filter((one) => one.group === group && one.version === version)
          .map(aggregatedResource),
        freshness: "Current",
      },
    ],
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
}

function groupsOf(registry: Registry): readonly { readonly group: string; readonly version: string }[] {
  return registry.groupVersions().filter((one) => one.group !== "");
}

function plainGroup({ group, version }: { readonly group: string; readonly version: string }): JsonObject {
  const only = { groupVersion: `${group}/${version}`, version };
  return { name: group, versions: [only], preferredVersion: only };
}

function plainResources(one: Resource): readonly Json[] {
  const own = {
    name: one.plural,
    singularName: one.singular,
    namespaced: one.namespaced,
    kind: one.kind,
    verbs: one.verbs,
    ...(one.shortNames.length === 0 ? {} : { shortNames: one.shortNames }),
    ...(one.categories.length === 0 ? {} : { categories: one.categories }),
  };
  const subs = one.subresources.map((sub) => ({
    name: `${one.plural}/${sub.name}`,
    singularName: "",
    namespaced: one.namespaced,
    ...(sub.group === one.group || sub.version === "" ? {} : { group: sub.group, version: sub.version }),
    kind: sub.kind,
    verbs: sub.verbs,
  }));
  return [own, ...subs];
}

function aggregatedResource(one: Resource): JsonObject {
  const { group, version } = one.custom === true ? one : { group: "", version: "" };
  return {
    resource: one.plural,
    responseKind: { group, version, kind: one.kind },
    scope: one.namespaced ? "Namespaced" : "Cluster",
    singularResource: one.singular,
    verbs: one.verbs,
    ...(one.shortNames.length === 0 ? {} : { shortNames: one.shortNames }),
    ...(one.categories.length === 0 ? {} : { categories: one.categories }),
    ...(one.subresources.length === 0 ? {} : { subresources: one.subresources.map(aggregatedSub) }),
  };
}

function aggregatedSub(sub: Resource["subresources"][number]): JsonObject {
  const responseKind = { group: sub.group, version: sub.version, kind: sub.kind };
  return { subresource: sub.name, responseKind, verbs: sub.verbs };
}
