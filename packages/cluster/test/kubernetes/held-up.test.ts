/** Rollouts that an older pod holds up, shown against the API server for tests, which holds them up too. */
import { AgentFlowError } from "@agentflow/protocol";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import { asTheGuideSays } from "./guide.ts";
import { deployingTo, name, type Standin, standin } from "./standin.ts";

let cluster: TestCluster;
let folder = "";

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "processes", pace: 10 });
  folder = mkdtempSync(join(tmpdir(), "af-held-up-"));
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What it said, and how it ended. */
async function run(of: Standin, kubeconfig = cluster.kubeconfig) {
  const deploying = await deployingTo({ kubeconfig }, standin(of));
  try {
    const error: unknown = await deploy(deploying).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { error: AgentFlowError.is(error) ? error : undefined, steps: deploying.told.steps };
  } finally {
    deploying.close();
  }
}

const uidOf = (namespace: string): string | undefined =>
  cluster.store.get({ resource: "pods", namespace, name: `${name}-nats-0` })?.metadata.uid;

test("an older pod that never got ready is removed, and the rollout goes on", async () => {
  const namespace = "never";
  const bad = await run({ namespace, natsImage: "registry.invalid/nats:1" });
  expect(bad.error).toMatchObject({ reason: "image_pull" });
  const stuck = uidOf(namespace);
  const good = await run({ namespace });
  expect(good.error).toBeUndefined();
  expect(good.steps).toContain(
    `Pod/${name}-nats-0 of an older version never got ready and held the rollout up: removed`,
  );
  expect(uidOf(namespace)).not.toBe(stuck);
});

test("one that was ready before, or runs, is left alone: what to do is said", async () => {
  const namespace = "once";
  const flag = join(folder, "ready");
  writeFileSync(flag, "");
  const readinessProbe = { exec: { command: ["test", "-e", flag] }, periodSeconds: 1, failureThreshold: 1 };
  expect((await run({ namespace, natsProbe: { readinessProbe } })).error).toBeUndefined();
  const pod = uidOf(namespace);
  rmSync(flag);
  const key = { resource: "pods", namespace, name: `${name}-nats-0` };
  const isReady = (): boolean => JSON.stringify(cluster.store.get(key)?.["status"]).includes('"ready":true');
  await expect.poll(isReady, { timeout: 30_000 }).toBe(false);
  // Another template, whose pod would be ready.
  const { error, steps } = await run({ namespace, natsImage: "bb:1" });
  expect(error).toMatchObject({ code: "unavailable", reason: "rollout_held_up" });
  if (error !== undefined) asTheGuideSays("an older pod of NATS is broken", error);
  expect(error?.message).toContain(`its older pod ${name}-nats-0 holds the rollout up`);
  expect(error?.suggestions.join("\n")).toContain(`-n ${namespace} delete pod ${name}-nats-0`);
  expect(steps.join("\n")).not.toContain("removed");
  expect(uidOf(namespace)).toBe(pod);
});
