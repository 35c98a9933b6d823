/**
 * A deploy that dies at any of its requests, and the next one: against the API server for tests, with parts
 * that are ready at once. Killed is a process that sends nothing any more, not even to give its lease back.
 */
import type { TestCluster } from "@agentflow/test-cluster";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import type { Cluster, ClusterRequest } from "../../src/kubernetes/cluster.ts";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import { listRevisions } from "../../src/kubernetes/deploy/revisions.ts";
import type { Pace } from "../../src/kubernetes/pace.ts";
import { startInstantCluster } from "./instant.ts";
import { type Standin, builds, deployingTo, holderNamed, name, registerJob, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startInstantCluster();
});
afterAll(() => cluster.stop());

const secrets = { names: ["key"], values: new Map([["key", "k"]]) };

/** Looks at somebody's lease without waiting for it; what comes rarely keeps its time. */
function hurried(): Pace {
  let skippedMs = 0;
  return {
    nowMs: () => performance.now() + skippedMs,
    wait: async (ms, signal) => {
      if (ms >= 1_000) return sleep(ms, undefined, signal === undefined ? {} : { signal });
      signal?.throwIfAborted();
      skippedMs += ms;
      return sleep(1);
    },
  };
}

/** Changes something; a lease that is kept does so now and then, and is not counted. */
function counts({ method, path, query }: ClusterRequest): boolean {
  if (method === "GET" || path.endsWith("selfsubjectaccessreviews") || query?.["dryRun"] !== undefined)
    return false;
  return method !== "PUT" || !path.includes("/leases/");
}

class Killed extends Error {}

/**
 * Dies once the n-th request that changes something is done, before its answer is heard: which is as good as
 * before the next one is sent.
 */
function mortal(cluster: Cluster, at: number): { cluster: Cluster; readonly isDead: () => boolean } {
  let count = 0;
  let isDead = false;
  const send: Cluster["send"] = async (doing, request) => {
    if (isDead) throw new Killed();
    const isLast = counts(request) && ++count === at;
    const answer = await cluster.send(doing, request);
    if (isLast) isDead = true;
    if (isDead) throw new Killed();
    return answer;
  };
  return { cluster: { ...cluster, send }, isDead: () => isDead };
}

/** True when it lived: then it has no so many requests. */
async function runUntil(of: Standin, at: number): Promise<boolean> {
  const deploying = await deployingTo(cluster, standin(of), {
    secrets,
    holder: holderNamed(`mortal ${at}`),
    leaseMs: 10_000,
  });
  const { cluster: dying, isDead } = mortal(deploying.access.cluster, at);
  const stop = new AbortController();
  const access = new Access(dying, of.namespace);
  try {
    await deploy({ ...deploying, access, signal: stop.signal, pace: hurried() });
  } catch (error) {
    if (!isDead()) throw error;
  }
  stop.abort();
  deploying.close();
  return !isDead();
}

async function runWhole(of: Standin): Promise<void> {
  const deploying = await deployingTo(cluster, standin(of), {
    secrets,
    holder: holderNamed("next"),
    pace: hurried(),
  });
  await deploy(deploying);
  deploying.close();
}

/** Jobs find their pods by a uid. */
const unlike = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** All that there is, without what says when it was made. */
function everything(namespace: string): Record<string, unknown> {
  const resources = [
    "configmaps",
    "secrets",
    "serviceaccounts",
    "services",
    "jobs.batch",
    "deployments.apps",
    "statefulsets.apps",
  ];
  const found = resources.flatMap((resource) =>
    cluster.store.list(resource, namespace).map((object) => {
      const { metadata, spec, data, status } = object;
      const { labels } = metadata;
      return [`${resource}/${metadata.name}`, JSON.stringify({ labels, spec, data, status })] as const;
    }),
  );

  return Object.fromEntries(found.map(([key, text]) => [key, text.replaceAll(unlike, "-")]));
}

/** Deployments of which the inventory knows nothing: nobody would ever remove them. */
function forgotten(namespace: string): readonly string[] {
  const inventory = cluster.store.get({ resource: "configmaps", namespace, name: `${name}-inventory` });
  const known = JSON.stringify(inventory?.["data"]);
  const names = cluster.store.list("deployments.apps", namespace).map(({ metadata }) => metadata.name);
  return names.filter((one) => !known.includes(one));
}

async function outcomes(namespace: string): Promise<readonly string[]> {
  const deploying = await deployingTo(cluster, standin({ namespace }));
  const revisions = await listRevisions(deploying.access, name);
  deploying.close();
  return revisions.map(({ number, outcome }) => `${number} ${outcome}`);
}

describe("killed at any request that changes something", { timeout: 300_000 }, () => {
  test("a first deploy: the next one leaves the same objects, one revision and nothing else", async () => {
    await runWhole({ namespace: "whole" });
    const wanted = everything("whole");
    expect(Object.keys(wanted)).toContain(`secrets/${name}-revision-1`);
    let at = 1;
    for (; ; at++) {
      const namespace = `first-${at}`;
      if (await runUntil({ namespace }, at)) break;
      await runWhole({ namespace });
      expect([at, everything(namespace), await outcomes(namespace)]).toEqual([at, wanted, ["1 deployed"]]);
    }
    // Namespace, lease, inventory, revision, nine objects, inventory, outcome: none was left out.
    expect(at).toBeGreaterThan(14);
  });

  test("a new build, then back to the old one: new runs begin on what was deployed last", async () => {
    const start = async (namespace: string): Promise<void> => {
      await runWhole({ namespace });
    };
    let at = 1;
    for (; ; at++) {
      const namespace = `back-${at}`;
      await start(namespace);
      const lived = await runUntil({ namespace, build: builds.two, note: "b" }, at);
      const registered: string[] = [];
      const end = cluster.store.subscribe(({ type, key, object }) => {
        const status = JSON.stringify(object["status"] ?? null);
        if (type !== "DELETED" && key.namespace === namespace && status.includes('"Complete"'))
          if (key.name.startsWith(`${name}-register`)) registered.push(key.name);
      });
      const newest = cluster.store
        .list("jobs.batch", namespace)
        .map(({ metadata }) => metadata.name)
        .filter((job) => job.startsWith(`${name}-register`));
      await runWhole({ namespace });
      end();
      const jobs = cluster.store.list("jobs.batch", namespace).map(({ metadata }) => metadata.name);
      expect(forgotten(namespace)).toEqual([]);
      expect([at, jobs]).toEqual([at, [`${name}-keys`, registerJob(builds.one)]]);
      // Where the new build may have been registered, the old one is once more, and nothing after it.
      if (newest.includes(registerJob(builds.two))) expect(registered.at(-1)).toBe(registerJob(builds.one));
      if (lived) break;
    }
    expect(at).toBeGreaterThan(6);
  });
});

test("an answer that is lost is no fault, whichever it was", { timeout: 300_000 }, async () => {
  await runWhole({ namespace: "heard" });
  const wanted = everything("heard");
  let at = 1;
  for (; ; at++) {
    const namespace = `lost-${at}`;
    let count = 0;
    cluster.faults.drop("after", (method, url) => {
      const { pathname: path, searchParams } = new URL(url, cluster.server);
      if (method === "GET" || searchParams.has("dryRun") || path.endsWith("selfsubjectaccessreviews"))
        return false;
      return path !== `/api/v1/namespaces/${namespace}` && ++count === at;
    });
    const deploying = await deployingTo(cluster, standin({ namespace }), { secrets, pace: hurried() });
    await deploy(deploying);
    deploying.close();
    expect([at, everything(namespace), await outcomes(namespace)]).toEqual([at, wanted, ["1 deployed"]]);
    // Nor is its own lease taken for somebody else's.
    expect(deploying.told.steps).toEqual(["asking the cluster", "comparing"]);
    if (count < at) break;
  }
  // The last ones of a deploy are its outcome and its lease, given back.
  expect(at).toBeGreaterThan(16);
});

test("two deploys at once: one is done, the other is refused or follows, and no half is left", async () => {
  const wanted = everything("heard");
  for (let round = 1; round <= 3; round++) {
    const namespace = `both-${round}`;
    const both = await Promise.all(
      ["ann", "bob"].map(async (who) =>
        deployingTo(cluster, standin({ namespace }), { secrets, holder: holderNamed(who) }),
      ),
    );
    const ended = await Promise.allSettled(both.map(async (one) => deploy(one)));
    for (const one of both) one.close();
    const reasons = ended.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(reasons.length).toBeLessThan(2);
    for (const reason of reasons) expect(reason).toMatchObject({ reason: "deploy_in_progress" });
    expect([everything(namespace), await outcomes(namespace)]).toEqual([wanted, ["1 deployed"]]);
  }
});
