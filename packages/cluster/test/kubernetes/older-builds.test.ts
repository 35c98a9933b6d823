/** What workers of older builds live by stays as long as they do: against the API server for tests. */
import type { TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import { collectGarbage } from "../../src/kubernetes/deploy/gc.ts";
import { ownLabels } from "../../src/kubernetes/deploy/namespace.ts";
import type { KubernetesObject } from "../../src/kubernetes/object.ts";
import { startInstantCluster } from "./instant.ts";
import { builds, deployingTo, name, standin } from "./standin.ts";

const namespace = "secrets";
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startInstantCluster();
});
afterAll(() => cluster.stop());

async function run(
  build: string,
  secrets: Readonly<Record<string, string>>,
  more: readonly KubernetesObject[] = [],
): Promise<void> {
  const given = { names: Object.keys(secrets), values: new Map(Object.entries(secrets)) };
  const release = standin({ namespace, build });
  const objects = [...more, ...release.objects];
  const deploying = await deployingTo(cluster, { ...release, objects }, { secrets: given });
  await deploy(deploying);
  deploying.close();
}

async function collect(): Promise<void> {
  const { access, pace, signal, close } = await deployingTo(cluster, standin({ namespace }));
  await collectGarbage(
    { access, name, project: "shop", target: "prod", openRuns: async () => Promise.resolve(0) },
    { holder: "gc", pace, signal, onRemoved: () => undefined },
  );
  close();
}

function kept(): Record<string, string> {
  const found = cluster.store.get({ resource: "secrets", namespace, name: `${name}-secrets` });
  const data: object = Object(found?.["data"]);
  const textOf = (value: unknown): string => Buffer.from(String(value), "base64").toString();
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, textOf(value)]));
}

test("runs of an older build keep the secret that new code no longer asks for", async () => {
  await run(builds.one, { old: "1", both: "1" });
  await run(builds.two, { both: "2", new: "2" });
  expect(kept()).toEqual({ old: "1", both: "2", new: "2" });
  // Going back and forth loses none of them either.
  await run(builds.one, { old: "1", both: "1" });
  expect(kept()).toEqual({ old: "1", both: "1", new: "2" });
  await run(builds.two, { both: "2", new: "2" });
  await collect();
  await run(builds.two, { both: "2", new: "2" });
  expect(kept()).toEqual({ both: "2", new: "2" });
});

test("the policy that keeps tools of an older build from the network stays with its workers", async () => {
  const policy: KubernetesObject = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: `${name}-sandbox`, labels: ownLabels(standin({ namespace })) },
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  };
  const key = { resource: "networkpolicies.networking.k8s.io", namespace, name: `${name}-sandbox` };
  const isThere = (): boolean => cluster.store.get(key) !== undefined;
  await run(builds.one, {}, [policy]);
  await collect();
  // The new code has no untrusted tools any more; calls of the old one go on.
  await run(builds.two, {});
  expect(isThere()).toBe(true);
  await run(builds.two, {});
  expect(isThere()).toBe(true);
  await collect();
  await run(builds.two, {});
  expect(isThere()).toBe(false);
});
