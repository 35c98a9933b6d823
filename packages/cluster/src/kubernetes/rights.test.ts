/** What each pod of a release may do, see and reach: spelled out, so that more of it fails here. */
import type { Json, JsonObject } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { checkKept } from "./deploy/kept.ts";
import { plainObject } from "./deploy/parse-objects.ts";
import { at, kindOf, labelsOf, nameOf, objectAt, objectsAt, textAt } from "./deploy/reading.ts";
import { caseNames, releasedInCluster } from "./fixtures/projects.ts";
import { kubernetesLabels } from "./labels.ts";

async function objectsOf(name: (typeof caseNames)[number]): Promise<readonly JsonObject[]> {
  return (await releasedInCluster(name)).objects.map(plainObject);
}

function podsOf(
  objects: readonly JsonObject[],
): readonly { readonly part: string; readonly spec: JsonObject }[] {
  return objects.flatMap((object) => {
    const spec = objectAt(object, "spec", "template", "spec");
    const part = labelsOf(objectAt(object, "spec", "template"))[kubernetesLabels.component] ?? "";
    return objectsAt(spec, "containers").length === 0 ? [] : [{ part, spec }];
  });
}

/** Secrets by their names without the release, with the keys that are seen of each. */
function secretsOf(spec: JsonObject, release: string): readonly string[] {
  return objectsAt(spec, "volumes").flatMap((volume) => {
    const name = textAt(volume, "secret", "secretName");
    if (name === "") return [];
    const keys = objectsAt(volume, "secret", "items").map((item) => textAt(item, "key"));
    return [[name.slice(release.length + 1), ...keys].join(" ")];
  });
}

const allowed: Readonly<Record<string, readonly string[]>> = {
  keys: [],
  nats: ["keys-nats"],
  "control-plane": ["keys-control-plane", "secrets"],
  worker: ["keys-worker", "secrets"],
  // Not the token of the API beside it: the project's code runs there.
  register: ["keys-register register.nk"],
};

describe.each(caseNames)("%s", (name) => {
  test("each part sees its own Secrets and no other's", async () => {
    const release = await releasedInCluster(name);
    for (const { part, spec } of podsOf(await objectsOf(name))) {
      const seen = secretsOf(spec, release.name);
      expect([part, seen.filter((one) => !(allowed[part] ?? []).includes(one))]).toEqual([part, []]);
      expect(JSON.stringify(spec)).not.toMatch(/secretKeyRef|secretRef|hostPath/);
    }
  });

  test("roles are of the namespace, spelled out, and bound to one account each", async () => {
    const objects = await objectsOf(name);
    const { name: release, namespace } = await releasedInCluster(name);
    const rules = objects
      .filter((one) => kindOf(one) === "Role")
      .map((one) => [nameOf(one), at(one, "rules")]);
    const keys: Json = [
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
      {
        apiGroups: [""],
        resources: ["secrets"],
        resourceNames: ["nats", "control-plane", "worker", "register"].map((of) => `${release}-keys-${of}`),
        verbs: ["get", "update", "patch"],
      },
    ];
    const rule = (resource: string, ...verbs: string[]): Json => ({
      apiGroups: [""],
      resources: [resource],
      verbs,
    });
    const sandbox: Json = [
      rule("pods", "create", "get", "list", "delete"),
      rule("pods/exec", "create", "get"),
      rule("events", "list"),
    ];
    const wanted: Json[] = [[`${release}-keys`, keys]];
    if (name === "sandboxed") wanted.push([`${release}-sandbox`, sandbox]);
    expect(rules).toEqual(wanted);
    for (const binding of objects.filter((one) => kindOf(one) === "RoleBinding")) {
      expect(at(binding, "roleRef")).toMatchObject({ kind: "Role", name: nameOf(binding) });
      expect(at(binding, "subjects")).toEqual([{ kind: "ServiceAccount", name: nameOf(binding), namespace }]);
    }
    const accounts = objects.filter((one) => kindOf(one) === "ServiceAccount");
    for (const account of accounts) expect(at(account, "automountServiceAccountToken")).toBe(false);
    expect(objects.filter((one) => kindOf(one).startsWith("Cluster"))).toEqual([]);
  });

  test("nobody speaks to anybody but as it is said; machines' own addresses are nobody's", async () => {
    const policies = (await objectsOf(name)).filter((one) => kindOf(one) === "NetworkPolicy");
    const { name: release } = await releasedInCluster(name);
    const specs = new Map(
      policies.map((one) => [nameOf(one).slice(release.length + 1), objectAt(one, "spec")]),
    );
    expect(specs.get("default")).toEqual({
      podSelector: { matchLabels: { [kubernetesLabels.instance]: release } },
      policyTypes: ["Ingress", "Egress"],
    });
    // Only workers have ways that are bound to no port, and not to where clouds keep credentials.
    const open = [...specs].filter(([, spec]) => JSON.stringify(spec).includes("0.0.0.0/0"));
    const spans = name === "large" || name === "hpa" ? ["control-plane"] : [];
    expect(open.map(([of]) => of)).toEqual([...spans, "worker"]);
    for (const [, spec] of open) {
      const excepted = JSON.stringify(spec);
      for (const address of ["169.254.0.0/16", "168.63.129.16/32", "fe80::/10", "fd00:ec2::254/128"])
        expect(excepted).toContain(address);
    }
    // Pods of tools have no label of ours but that one: no other policy gives them a way.
    const sandbox = specs.get("sandbox");
    expect(sandbox).toEqual(
      name === "sandboxed"
        ? {
            podSelector: { matchLabels: { [kubernetesLabels.sandbox]: release } },
            policyTypes: ["Ingress", "Egress"],
          }
        : undefined,
    );
  });

  test("a revision that holds it is taken for one of ours", async () => {
    const { name: release, namespace, project, target } = await releasedInCluster(name);
    const of = { release, namespace, owner: { project, target }, number: 1 };
    expect(() => checkKept([], of)).not.toThrow();
    const objects = await objectsOf(name);
    checkKept(objects, of);
  });
});
