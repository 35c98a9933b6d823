/** Every object that we render, applied to the API server for tests: it takes each. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import { changedFields } from "../../src/kubernetes/deploy/diff.ts";
import { makeNamespace } from "../../src/kubernetes/deploy/namespace.ts";
import { caseNames, releasedInCluster } from "../../src/kubernetes/fixtures/projects.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster({ crds: ["keda"] });
});
afterAll(() => cluster.stop());

test.each(caseNames)("%s: made, and the same again changes nothing", async (name) => {
  const release = await releasedInCluster(name);
  // A namespace of its own for each: several of them have the same name.
  const access = new Access(
    await openCluster({ environment: {}, kubeconfig: cluster.kubeconfig }),
    `${name}-x`,
  );
  await makeNamespace(access, { ...release, namespace: access.namespace });
  for (const object of release.objects) {
    const { metadata } = object;
    const here = { ...object, metadata: { ...metadata, namespace: access.namespace } };
    const made = await access.apply(here);
    const again = await access.apply(here, { dryRun: true });
    expect(changedFields(made, again)).toEqual([]);
    expect(Reflect.get(Object(again["metadata"]), "resourceVersion")).toBe(
      Reflect.get(Object(made["metadata"]), "resourceVersion"),
    );
  }
  expect(release.objects.length).toBeGreaterThan(10);
  access.cluster.close();
});
