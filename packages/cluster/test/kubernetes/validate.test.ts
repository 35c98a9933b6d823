/** Releases against the documents that an API server served, and against what we took of them. */
import { Ajv } from "ajv";
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { kubernetesSchemas } from "../../tools/parse-kubernetes-schemas.ts";
import { caseNames, releasedInCluster } from "../../src/kubernetes/fixtures/projects.ts";
import type { KubernetesObject } from "../../src/kubernetes/object.ts";
import { checkObjects, objectFaults } from "../../src/kubernetes/schema/validate.ts";

const folder = new URL("../../../test-cluster/fixtures/transcripts/openapi/", import.meta.url);
type Validate = (object: unknown) => readonly string[];
const validators = new Map<string, Validate>();

/** Whole documents, each type closed: a key that it does not name is a fault. */
beforeAll(() => {
  for (const file of readdirSync(folder)) {
    const raw = readFileSync(new URL(file, folder));
    const { components } = JSON.parse((file.endsWith(".gz") ? gunzipSync(raw) : raw).toString());
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    ajv.addSchema({ $id: file, components: closed(components) });
    for (const [name, schema] of Object.entries(components.schemas)) {
      const gvks: unknown = Reflect.get(Object(schema), "x-kubernetes-group-version-kind");
      if (!name.startsWith("io.k8s.api.") || !Array.isArray(gvks) || gvks.length !== 1) continue;
      const [{ group, version, kind }] = gvks;
      const key = `${group === "" ? version : `${group}/${version}`} ${kind}`;
      validators.set(key, (object) => {
        const validate = ajv.getSchema(`${file}#/components/schemas/${name}`);
        if (validate === undefined) throw new Error(`no schema of ${key}`);
        return validate(object)
          ? []
          : (validate.errors ?? []).map((one) => `${one.instancePath} ${one.message}`);
      });
    }
  }
});

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]));
  const isType = typeof copy["properties"] === "object" && copy["type"] === "object";
  return isType ? { ...copy, additionalProperties: false } : copy;
}

function plain(object: KubernetesObject): unknown {
  return JSON.parse(JSON.stringify(object));
}

describe.each(caseNames)("the objects of %s", (name) => {
  test("are valid under the documents of a real API server, without an unknown key", async () => {
    const { objects } = await releasedInCluster(name);
    for (const object of objects) {
      const key = `${object.apiVersion} ${object.kind}`;
      if (object.apiVersion.startsWith("keda.sh/")) continue;
      const validate = validators.get(key);
      expect(`${key} ${validate === undefined}`).toBe(`${key} false`);
      expect(validate?.(plain(object))).toEqual([]);
    }
  });

  test("have no fault by our own schemas", async () => {
    expect(objectFaults((await releasedInCluster(name)).objects)).toEqual([]);
  });
});

test("our schemas are those of the documents", () => {
  // After a change of the documents: node packages/cluster/tools/parse-kubernetes-schemas.ts
  const file = new URL("../../schemas/kubernetes.json", import.meta.url);
  expect(readFileSync(file, "utf8")).toBe(kubernetesSchemas());
});

describe("a fault is found with its place", () => {
  const edited = async (kind: string, edit: (text: string) => string): Promise<KubernetesObject> => {
    const { objects } = await releasedInCluster("large");
    const object = objects.find((one) => one.kind === kind);
    const before = JSON.stringify(object);
    const after = edit(before);
    expect(after).not.toBe(before);
    return JSON.parse(after);
  };

  test.each<readonly [what: string, kind: string, from: string, to: string, path: string, message: string]>([
    [
      "an unknown key",
      "Deployment",
      '"image":',
      '"imagge":',
      "spec.template.spec.containers[0].imagge",
      "mean image?",
    ],
    [
      "a wrong type",
      "Deployment",
      '"replicas":2',
      '"replicas":"2"',
      "spec.replicas",
      "is not a whole number",
    ],
    [
      "a part of a number",
      "Deployment",
      '"replicas":2',
      '"replicas":2.5',
      "spec.replicas",
      "is not a whole number",
    ],
    [
      "a word that is none",
      "Deployment",
      '"IfNotPresent"',
      '"IfNotPresnt"',
      "spec.template.spec.containers[0].imagePullPolicy",
      "IfNotPresent?",
    ],
    ["what is missing", "StatefulSet", '"selector":', '"selectr":', "spec.selector", "is missing"],
    [
      "an object where a list is",
      "Job",
      '"containers":[',
      '"containers":{"a":[',
      "spec.template.spec.containers",
      "is not a list",
    ],
    [
      "a number in a map of texts",
      "NetworkPolicy",
      '"matchLabels":{',
      '"matchLabels":{"a":1,',
      'spec.podSelector.matchLabels["a"]',
      "is not a text",
    ],
    [
      "a key of KEDA",
      "ScaledObject",
      '"minReplicaCount"',
      '"minReplicaCont"',
      "spec.minReplicaCont",
      "did you mean",
    ],
  ])("%s", async (_, kind, from, to, path, message) => {
    const fix = (text: string): string => {
      const out = text.replace(from, to);
      return to.includes('{"a":[') ? out.replace(/\],"volumes"/, ']},"volumes"') : out;
    };
    const object = await edited(kind, fix);
    const found = objectFaults([object]).filter((one) => one.path === path);
    expect(found.map((one) => one.message).join()).toContain(message);
    if (kind !== "ScaledObject") {
      // The documents say so, too.
      const faults = validators.get(`${object.apiVersion} ${object.kind}`)?.(object) ?? [];
      expect(faults.length).toBeGreaterThan(0);
    }
  });

  test("a kind that nobody knows", () => {
    const object = { apiVersion: "apps/v1", kind: "Deploymnt", metadata: { name: "x" } };
    expect(objectFaults([object])).toEqual([
      {
        object: "Deploymnt/x",
        path: "kind",
        message: expect.stringContaining("did you mean apps/v1 Deployment?"),
      },
    ]);
    expect(() => checkObjects([object])).toThrow("Deploymnt/x: kind: there is no kind");
  });
});
