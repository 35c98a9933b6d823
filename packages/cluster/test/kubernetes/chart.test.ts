/** The chart under Helm's own lint and template. Nothing here speaks to a cluster. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChartFile, chartOf } from "../../src/kubernetes/chart/chart-of.ts";
import {
  type CaseName,
  caseNames,
  cases,
  releasedInCluster,
  renderingInCluster,
} from "../../src/kubernetes/fixtures/projects.ts";
import { brokenBy } from "../../src/kubernetes/fixtures/pod-security.ts";
import type { KubernetesObject } from "../../src/kubernetes/object.ts";
import { objectFaults } from "../../src/kubernetes/schema/validate.ts";
import { findHelm } from "@agentflow/test-cluster/programs";

const found = findHelm();
const helm = "helm" in found ? found.helm : "";
const scratch = mkdtempSync(path.join(tmpdir(), "af-chart-"));
const home = { ...process.env, HELM_CACHE_HOME: scratch, HELM_CONFIG_HOME: scratch, HELM_DATA_HOME: scratch };

async function files(name: CaseName): Promise<readonly ChartFile[]> {
  const rendering = await renderingInCluster(name);
  return chartOf({ rendering, capabilities: { keda: cases[name].keda }, head: "A test's." });
}

beforeAll(async () => {
  for (const name of caseNames) {
    for (const { path: file, content } of await files(name)) {
      const full = path.join(scratch, name, file);
      mkdirSync(path.dirname(full), { recursive: true });
      writeFileSync(full, content);
    }
  }
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function rendered(name: CaseName, ...more: string[]): KubernetesObject[] {
  const args = ["template", "r", path.join(scratch, name), ...more];
  const text = execFileSync(helm, args, {
    encoding: "utf8",
    env: home,
    maxBuffer: 64 * 1024 * 1024,
    stdio: "pipe",
  });
  return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => document.toJS() ?? []);
}

/** What differs under Helm: who manages it, that workers are kept, and what a job is called. */
function comparable(objects: readonly KubernetesObject[]): Map<string, unknown> {
  const all = objects.map((object): [string, unknown] => {
    const copy = JSON.parse(JSON.stringify(object));
    const { metadata } = copy;
    delete metadata.labels["app.kubernetes.io/managed-by"];
    delete metadata.labels["helm.sh/chart"];
    delete metadata.annotations;
    if (copy.kind === "Job") metadata.name = metadata.name.replace(/[0-9a-f]{10}$/, "");
    return [`${copy.kind}/${metadata.name}`, copy];
  });
  return new Map(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test("Helm is there, or it is said why not", () => {
  if ("missing" in found) {
    expect(process.env["CI"] ?? "", found.missing).not.toBe("true");
    console.warn(`tests of the chart are skipped: ${found.missing}`);
  }
});

describe.skipIf(helm === "").each(caseNames)("the chart of %s", (name) => {
  const namespace = async () => (await releasedInCluster(name)).namespace;

  test("is clean under helm lint --strict", async () => {
    const args = ["lint", "--strict", path.join(scratch, name), "--namespace", await namespace()];
    const ran = spawnSync(helm, args, { encoding: "utf8", env: home });
    expect(`${ran.stdout}${ran.stderr}`).toContain("1 chart(s) linted, 0 chart(s) failed");
    expect(ran.status).toBe(0);
  });

  test("rendered as it is, it is the release", async () => {
    const release = await releasedInCluster(name);
    const under = rendered(name, "--namespace", release.namespace);
    expect(Object.fromEntries(comparable(under))).toEqual(Object.fromEntries(comparable(release.objects)));
    expect(
      new Set(
        under.map(({ metadata }) => Reflect.get(Object(metadata["labels"]), "app.kubernetes.io/managed-by")),
      ),
    ).toEqual(new Set(["Helm"]));
  });

  test("in another namespace nothing of the first one is left", async () => {
    const under = rendered(name, "--namespace", "elsewhere");
    for (const { metadata } of under) expect(metadata["namespace"]).toBe("elsewhere");
    const own = await namespace();
    if (own === "agents") expect(JSON.stringify(under)).not.toContain(`.${own}.svc`);
  });
});

describe.skipIf(helm === "")("values", () => {
  const set = (...pairs: string[]): string[] => pairs.flatMap((pair) => ["--set", pair]);

  test("each of them reaches its object, and what comes out is valid and restricted", () => {
    const under = rendered(
      "large",
      ...set(
        "images.worker=other/worker:0123456789ab",
        "build=0123456789ab",
        "images.controlPlane=other/cp:1",
        "controlPlane.replicas=3",
        "workers.gpu.replicas=4",
        "workers.default.scaling.min=5",
        "workers.gpu.resources.limits.memory=9Gi",
        "nats.storage.size=99Gi",
        "nats.storage.className=",
        "files.storage.size=7Gi",
        "secrets.name=own",
        "ingress.host=other.example",
        "imagePullSecrets[0].name=mine",
      ),
    );
    const text = JSON.stringify(under);
    for (const word of ["ba9876543210", "agentflow-triage", "agents.example.com", "triage-prod-secrets"]) {
      expect(text).not.toContain(word);
    }
    const find = (kind: string, name: string) =>
      under.find((one) => one.kind === kind && one.metadata.name === name);
    expect(find("Deployment", "triage-prod-worker-gpu-0123456789ab")).toMatchObject({
      metadata: { annotations: { "helm.sh/resource-policy": "keep" } },
      spec: {
        replicas: 4,
        template: {
          spec: {
            imagePullSecrets: [{ name: "mine" }],
            containers: [{ image: "other/worker:0123456789ab", resources: { limits: { memory: "9Gi" } } }],
          },
        },
      },
    });
    expect(find("Deployment", "triage-prod-control-plane")).toMatchObject({ spec: { replicas: 3 } });
    expect(find("ScaledObject", "triage-prod-worker-default-0123456789ab")).toMatchObject({
      spec: { minReplicaCount: 5, maxReplicaCount: 20 },
    });
    expect(text).toContain('"storage":"99Gi"');
    expect(text).toContain('"storage":"7Gi"');
    expect(text).toContain(",other.example,");
    expect(objectFaults(under)).toEqual([]);
    for (const { spec } of under) {
      const template: unknown = Reflect.get(Object(spec), "template");
      if (template !== undefined) expect(brokenBy(template)).toEqual([]);
    }
  });

  test("a digit-only build stays a text", () => {
    const under = rendered("small", "--set-string", "build=012345678901");
    expect(objectFaults(under)).toEqual([]);
  });

  test("with and without an ingress", () => {
    const without = rendered("small");
    expect(without.some(({ kind }) => kind === "Ingress")).toBe(false);
    const withOne = rendered("small", ...set("ingress.enabled=true", "ingress.host=a.example"));
    const ingress = withOne.find(({ kind }) => kind === "Ingress");
    expect(ingress).toMatchObject({ spec: { rules: [{ host: "a.example" }] } });
    expect(JSON.stringify(withOne)).toContain(":4180,a.example");
    // Who stands in the network of a node is named by no selector.
    expect(JSON.stringify(without)).toContain('"from":[{"podSelector":{}}]');
    const callers = JSON.stringify(withOne.filter(({ kind }) => kind === "NetworkPolicy"));
    expect(callers).toContain('"ingress":[{"ports":[{"protocol":"TCP","port":4180}]}]');
  });

  test("two copies have a budget, one has none", () => {
    const budgets = (objects: KubernetesObject[]) =>
      objects.filter(({ kind }) => kind === "PodDisruptionBudget").map(({ metadata }) => metadata.name);
    expect(budgets(rendered("small"))).toEqual([]);
    expect(
      budgets(rendered("small", ...set("controlPlane.replicas=2", "workers.default.replicas=2"))),
    ).toEqual(["triage-prod-control-plane", "triage-prod-worker-default"]);
  });

  test.each([
    [["controlPlane.replica=2"], "replica"],
    [["controlPlane.replicas=two"], "integer"],
    [["build=latest"], "build"],
    [["ingress.enabled=true"], "ingress.host: the name of the API"],
  ])("%s is refused", (pairs, says) => {
    const ran = spawnSync(helm, ["template", "r", path.join(scratch, "small"), ...set(...pairs)], {
      encoding: "utf8",
      env: home,
    });
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain(says);
  });
});

test("what looks like a template in a project is none", async () => {
  const text = (await files("weird")).map(({ content }) => content).join("\n");
  expect(text).toContain('{{ "{{" }} .Values.build }}');
});

test("the values of each chart fit their own schema's keys, and hold no secret", async () => {
  for (const name of caseNames) {
    const all = await files(name);
    const values = parse(all.find(({ path: file }) => file === "values.yaml")?.content ?? "");
    const schema = JSON.parse(all.find(({ path: file }) => file === "values.schema.json")?.content ?? "");
    expect(Object.keys(values)).toEqual(Object.keys(schema.properties));
    expect(all.map(({ content }) => content).join("\n")).not.toMatch(/SU[A-Z2-7]{40,}|[0-9a-f]{64}/);
  }
});

test("the chart of the repository is what the release of its project gives", async () => {
  const folder = new URL("../../../../deploy/chart/", import.meta.url);
  const rendering = await renderingInCluster("chart");
  const head = readFileSync(new URL("Chart.yaml", folder), "utf8").split("\n")[0]?.slice(2) ?? "";
  const expected = chartOf({ rendering, capabilities: { keda: false }, head });
  const there = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  expect(there.length).toBe(expected.length);
  for (const { path: file, content } of expected) {
    // Another release of it is written by `vitest -u`.
    await expect(content).toMatchFileSnapshot(fileURLToPath(new URL(file, folder)));
  }
});
