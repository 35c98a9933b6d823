/** One deploy at a time, whatever clocks and networks do: against the API server for tests. */
import { AgentFlowError } from "@agentflow/protocol";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import type { Cluster } from "../../src/kubernetes/cluster.ts";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import { leaseLimits, type Leasing, takeLease } from "../../src/kubernetes/deploy/lease.ts";
import type { Pace } from "../../src/kubernetes/pace.ts";
import { holderNamed } from "./standin.ts";

const namespace = "default";
const patient = { timeout: 30_000 };
const key = { resource: "leases.coordination.k8s.io", namespace, name: "shop-prod-deploy" };
let server: TestCluster;
let cluster: Cluster;

beforeAll(async () => {
  server = await startTestCluster();
  cluster = await openCluster({
    environment: {},
    kubeconfig: server.kubeconfig,
    limits: { waitMs: 10, firstRetryMs: 500, retryMs: 500 },
  });
});
afterAll(async () => {
  cluster.close();
  await server.stop();
});
beforeEach(() => void server.store.remove(key));

/** Time that passes when somebody says so; whoever waits is woken in order. */
class Clock implements Pace {
  #nowMs = Date.UTC(2026, 0, 1);
  #waiting: { readonly untilMs: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ untilMs: this.#nowMs + ms, wake: resolve });
    signal?.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")), {
      once: true,
    });
    return promise;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    const due = this.#waiting.filter(({ untilMs }) => untilMs <= this.#nowMs);
    this.#waiting = this.#waiting.filter(({ untilMs }) => untilMs > this.#nowMs);
    for (const { wake } of due) wake();
  }
}

/** Waits skip over their time at once. */
function skipping(): Pace & { readonly passedMs: () => number } {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    wait: async (ms, signal) => {
      signal?.throwIfAborted();
      if (ms >= leaseLimits.renewMs) return new Promise(() => undefined);
      nowMs += ms;
      return Promise.resolve();
    },
    passedMs: () => nowMs,
  };
}

function leasing(more: Partial<Leasing> & { readonly pace: Pace }): Leasing {
  const access = new Access(cluster, namespace);
  const signal = new AbortController().signal;
  return {
    access,
    name: key.name,
    labels: {},
    holder: holderNamed("ann@laptop (process 1)"),
    signal,
    ...more,
  };
}

function heldBy(holder: string, spec: object = {}): void {
  const metadata = { name: key.name, namespace };
  const all = { holderIdentity: holder, leaseDurationSeconds: 15, ...spec };
  server.store.put(key, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: all });
}

function holder(): unknown {
  return JSON.parse(JSON.stringify(server.store.get(key)?.["spec"] ?? {})).holderIdentity;
}

test.each([
  ["an hour ahead", "2026-01-01T01:00:00.000000Z"],
  ["an hour behind", "2025-12-31T23:00:00.000000Z"],
])("a dead one's lease is followed after its time, with a clock that is %s", async (_, renewTime) => {
  heldBy("bob@laptop (process 7)", { renewTime, acquireTime: renewTime });
  const pace = skipping();
  await takeLease(leasing({ pace }));
  expect(holder()).toBe("ann@laptop (process 1)");
  expect(pace.passedMs()).toBe(15_000);
});

test("a lease that is written to last for years is waited for two minutes at most", async () => {
  heldBy("mallory", { leaseDurationSeconds: 2_000_000_000 });
  const pace = skipping();
  await takeLease(leasing({ pace }));
  expect(pace.passedMs()).toBe(leaseLimits.waitMsMax);
});

test("a renewal whose answer is lost was a renewal: nobody else has begun", async () => {
  const pace = new Clock();
  const lease = await takeLease(leasing({ pace }));
  for (let round = 0; round < 3; round++) {
    const before = server.store.get(key)?.metadata.resourceVersion;
    server.faults.drop("after", (method, path) => method === "PUT" && path.includes("/leases/"));
    pace.pass(leaseLimits.renewMs);
    // Until it waits for the next time, beside who watches over it.
    await expect.poll(() => pace.waiting, patient).toBe(2);
    expect(server.store.get(key)?.metadata.resourceVersion).not.toBe(before);
  }
  lease.check();
  await lease.release();
  expect(holder()).toBe("");
});

test("a renewal that hangs for longer than the lease is valid ends the deploy", async () => {
  const pace = new Clock();
  let hangs = false;
  const send: Cluster["send"] = async (doing, request) =>
    hangs ? new Promise(() => undefined) : cluster.send(doing, request);
  const lease = await takeLease(leasing({ pace, access: new Access({ ...cluster, send }, namespace) }));
  hangs = true;
  pace.pass(leaseLimits.durationMs - 1);
  await Promise.resolve();
  expect(lease.lost.aborted).toBe(false);
  pace.pass(1);
  await expect.poll(() => lease.lost.aborted, patient).toBe(true);
  expect(lease.lost.reason).toMatchObject({ code: "unavailable", reason: "deploy_lease_expired" });
});

test("a machine that slept does nothing more before it has looked", async () => {
  const pace = new Clock();
  const lease = await takeLease(leasing({ pace }));
  lease.check();
  // Nothing has run since: neither the renewal nor who watches over it.
  const thrown = ((): unknown => {
    try {
      pace.pass(3_600_000);
      lease.check();
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  expect(AgentFlowError.is(thrown) && thrown.reason).toBe("deploy_lease_expired");
});
