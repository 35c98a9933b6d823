/** The gate of histories fails closed, whatever becomes of it: against the API server for tests. */
import { AgentFlowError } from "@agentflow/protocol";
import type { TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import type { Deploying } from "../../src/kubernetes/deploy/deploying.ts";
import { type Fate, startInstantCluster } from "./instant.ts";
import { deployingTo, name, type Standin, standin } from "./standin.ts";

const check = `${name}-check`;
let cluster: TestCluster;
let fate: Fate = "ready";
const asked: string[] = [];

beforeAll(async () => {
  cluster = await startInstantCluster((key) => (key.name === check ? fate : "ready"));
  cluster.store.subscribe(({ type, key }) => {
    if (type === "ADDED" && key.name === check) asked.push(key.namespace);
  });
});
afterAll(() => cluster.stop());
beforeEach(() => {
  fate = "ready";
  asked.length = 0;
});

async function run(of: Standin, more: Partial<Deploying> = {}) {
  const deploying = await deployingTo(cluster, standin(of), more);
  try {
    return await deploy(deploying);
  } finally {
    deploying.close();
  }
}

async function refusal(work: Promise<unknown>): Promise<AgentFlowError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!AgentFlowError.is(error)) throw new Error(`not refused: ${String(error)}`, { cause: error });
  return error;
}

function imageOf(namespace: string): string {
  const text = JSON.stringify(
    cluster.store.get({ resource: "deployments.apps", namespace, name: `${name}-control-plane` }),
  );
  return /"image":"([^"]*)"/.exec(text ?? "")?.[1] ?? "none";
}

const newer = { controlPlaneImage: "bb:1", note: "b" };

test.each([
  ["its pod was evicted, or killed", "fails", { code: "unavailable", reason: "histories_not_read" }],
  ["no node takes it", "hangs", { code: "timeout", reason: "deploy_not_ready" }],
] as const)("%s: nothing is applied, and nobody says that histories were read", async (_, of, expected) => {
  const namespace = `gate-${of}`;
  await run({ namespace });
  fate = of;
  const error = await refusal(run({ namespace, ...newer }, { timeoutMs: 400 }));
  expect(error).toMatchObject(expected);
  expect(imageOf(namespace)).toBe("bbsh:1");
  const settings = cluster.store.get({ resource: "configmaps", namespace, name: `${name}-settings` });
  expect(settings?.["data"]).toEqual({ note: "a" });
  // And it does not stay.
  expect(cluster.store.get({ resource: "jobs.batch", namespace, name: check })).toBeUndefined();
  fate = "ready";
  await run({ namespace, ...newer });
  expect(imageOf(namespace)).toBe("bb:1");
});

test("its job ends by itself where whoever asked has died", async () => {
  const namespace = "gate-alone";
  await run({ namespace });
  let spec: unknown;
  const end = cluster.store.subscribe(({ key, object }) => {
    if (key.name === check) spec = object["spec"];
  });
  await run({ namespace, ...newer }, { timeoutMs: 90_000 });
  end();
  expect(spec).toMatchObject({ activeDeadlineSeconds: 90, ttlSecondsAfterFinished: 3_600, backoffLimit: 0 });
});

test("a control plane that somebody took away is asked for too: its histories are still there", async () => {
  const namespace = "gate-gone";
  await run({ namespace });
  const key = { resource: "deployments.apps", namespace, name: `${name}-control-plane` };
  cluster.store.remove(key);
  // What ran last can read what it wrote.
  await run({ namespace, note: "b" });
  expect(asked).toEqual([]);
  cluster.store.remove(key);
  fate = "fails";
  expect(await refusal(run({ namespace, ...newer }))).toMatchObject({ reason: "histories_not_read" });
  expect(imageOf(namespace)).toBe("none");
  fate = "ready";
  await run({ namespace, ...newer });
  expect(asked).toEqual([namespace, namespace]);
});

test("without its NATS nobody can read them: another image is refused, the last one comes back", async () => {
  const namespace = "gate-bus";
  await run({ namespace });
  cluster.store.remove({ resource: "deployments.apps", namespace, name: `${name}-control-plane` });
  cluster.store.remove({ resource: "statefulsets.apps", namespace, name: `${name}-nats` });
  const error = await refusal(run({ namespace, ...newer }));
  expect(error).toMatchObject({ code: "refused", reason: "histories_not_read" });
  expect(error.suggestions[0]).toBe("bring back what ran last: af deploy rollback 1 --target prod");
  await run({ namespace });
  expect(imageOf(namespace)).toBe("bbsh:1");
});
