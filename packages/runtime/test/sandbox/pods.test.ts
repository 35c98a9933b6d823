/** Untrusted tools in pods: shown against the test cluster, whose pods are containers of the test engine. */
import { engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import type { TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SandboxSource } from "../../src/sandbox/source.ts";
import { type Opening, clusterOnEngine, podsOf, projectImage } from "./cluster-kit.ts";
import { type Sandboxed, sandboxed } from "./kit.ts";

const missing = await engineMissing();
const long = 60_000;

/** What the tool does, by its input. */
const body = `
  switch (input.do) {
    case "add": return input.n + 1;
    case "who": return {
      uid: process.getuid(),
      env: Object.keys(process.env).filter((name) => /^(AF_|NODE_|HTTP)/.test(name)).sort(),
      root: (() => { try { fs.writeFileSync("/srv/x", ""); } catch (error) { return error.code; } })(),
      tmp: (() => { fs.writeFileSync("/tmp/x", "1"); return fs.readFileSync("/tmp/x", "utf8"); })(),
      token: fs.existsSync("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    };
    case "fork": {
      const started = [];
      try { for (let i = 0; i < 200; i++) started.push(spawn("sleep", ["60"]).pid); } catch {}
      return started.filter((pid) => pid !== undefined).length;
    }
    case "flood": for (;;) try { fs.writeSync(2, "x".repeat(65536)); } catch {}
    case "exit": process.exit(3);
    case "big": return "x".repeat(input.n);
    case "hang": console.log("begun"); await new Promise((resolve) => setTimeout(resolve, 600000)); return;
    case "memory": { const kept = []; for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1)); }
    default: throw new Error("what?");
  }`;

describe.skipIf(missing !== undefined)(`sandboxes as pods of the test cluster ${missing ?? ""}`, () => {
  const name = `af-box-${process.pid}`;
  let cluster: TestCluster;
  let image = "";

  beforeAll(async () => {
    image = await projectImage(name, body);
    cluster = await clusterOnEngine(name);
  }, 240_000);

  afterAll(async () => {
    await cluster.stop();
    const { docker } = await testEngine();
    await docker.getImage(image).remove();
  }, long);

  const pods = (): string[] => cluster.store.list("pods").map(({ metadata }) => metadata.name);

  /** Whose programs have ended may still be listed for a moment. */
  const allGone = (): Promise<void> => expect.poll(pods, { timeout: 20_000 }).toEqual([]);

  async function box(
    of: Partial<Opening> & { readonly pids?: number; readonly source?: SandboxSource } = {},
  ): Promise<Sandboxed> {
    const { pids, source, ...opening } = of;
    return sandboxed({
      image,
      body,
      source: source ?? podsOf(cluster, { image, ...opening }),
      sandbox: { memoryMb: 128, cpus: 0.5, tmpMb: 8, ...(pids === undefined ? {} : { pids }) },
    });
  }

  test(
    "a call is a pod of its own, says what it ran in, and is gone when it has answered",
    async () => {
      const one = await box();
      const running = await one.start({ input: { do: "add", n: 1 } });
      expect(running.sandbox).toMatchObject({
        profile: "kubernetes",
        runtime: "default",
        network: [],
        memoryMb: 128,
        cpus: 0.5,
        tmpMb: 8,
        seccomp: "RuntimeDefault",
        image: expect.stringMatching(/^sha256:/),
        engine: expect.stringMatching(/^kubernetes v1\./),
      });
      expect(pods()).toHaveLength(1);
      expect(await running.end).toMatchObject({ kind: "output", output: 2 });
      await one.close();
      await allGone();
    },
    long,
  );

  test(
    "in it there is no token, no root to write, and a user that nobody else has",
    async () => {
      const one = await box();
      const [first, second] = await Promise.all([one.call({ do: "who" }), one.call({ do: "who" })]);
      expect(first).toMatchObject({
        kind: "output",
        output: {
          uid: expect.any(Number),
          env: ["NODE_ENV", "NODE_OPTIONS"],
          root: "EROFS",
          tmp: "1",
          token: false,
        },
      });
      const uids = [first, second].map((end) => (end.kind === "output" ? JSON.stringify(end.output) : ""));
      expect(uids[0]).not.toBe(uids[1]);
      await one.close();
    },
    long,
  );

  test(
    "outputs of a megabyte come whole, floods are ended, so is what leaves without an answer",
    async () => {
      const one = await box();
      expect(await one.call({ do: "big", n: 1_000_000 })).toMatchObject({ kind: "big", bytes: 1_000_002 });
      expect(await one.call({ do: "flood" })).toMatchObject({ failure: { code: "sandbox_output_limit" } });
      expect(await one.call({ do: "exit" })).toMatchObject({
        failure: { code: "sandbox_exited", message: expect.stringContaining("exit code 3") },
      });
      await one.close();
      await allGone();
    },
    long,
  );

  test(
    "processes are limited",
    async () => {
      const one = await box({ pids: 24 });
      const end = await one.call({ do: "fork" });
      expect(end.kind === "output" ? Number(end.output) : 200).toBeLessThan(24);
      await one.close();
      await allGone();
    },
    long,
  );

  test(
    "too much memory is said to be that",
    async () => {
      const one = await box();
      expect(await one.call({ do: "memory" })).toMatchObject({ failure: { code: "sandbox_out_of_memory" } });
      await one.close();
    },
    long,
  );

  test(
    "a call that is killed takes its pod with it",
    async () => {
      const one = await box();
      const running = await one.start({ input: { do: "hang" } });
      running.kill("enough");
      expect(await running.end).toMatchObject({ kind: "lost", reason: "enough" });
      await one.close();
      await allGone();
    },
    long,
  );

  test(
    "somebody who removes the pod ends the call",
    async () => {
      const one = await box();
      const running = await one.start({ input: { do: "hang" } });
      await expect.poll(() => JSON.stringify(one.told), { timeout: 20_000 }).toContain("begun");
      const [pod = ""] = pods();
      cluster.writer.remove({ resource: "pods", namespace: "default", name: pod }, {});
      expect(await running.end).toMatchObject({
        failure: { code: "sandbox_exited", message: expect.stringContaining("somebody deleted its pod") },
      });
      await one.close();
      await allGone();
    },
    long,
  );

  test(
    "a cluster that keeps its network policies and does nothing runs no untrusted code",
    async () => {
      const one = await box({ closed: undefined });
      await expect(one.call({ do: "add", n: 1 })).rejects.toMatchObject({
        reason: "sandbox_unavailable",
        message: expect.stringContaining("nobody enforces NetworkPolicies"),
      });
      await one.close();
      await allGone();
    },
    long,
  );

  test.for([
    ["a RuntimeClass that is not there", { runtimeClass: "gvisor" }, /RuntimeClass "gvisor" not found/],
    [
      "an image that no node can pull",
      { image: "registry.invalid/box:1" },
      /its pod does not start: Err?Image/,
    ],
    ["a namespace that is not there", { namespace: "nowhere" }, /no pod was made: .*nowhere/],
    ["a broker that is no pod of it", { pod: "nobody" }, /own pod nobody is not in namespace default/],
    ["a kubeconfig that is not there", { kubeconfig: "/nowhere/config" }, /cannot be reached by \/nowhere/],
  ] as const)(
    "%s",
    async ([, opening, says]) => {
      const one = await box(opening);
      await expect(one.call({ do: "add", n: 1 })).rejects.toMatchObject({
        code: "unavailable",
        reason: "sandbox_unavailable",
        message: expect.stringMatching(says),
      });
      await one.close();
      await allGone();
    },
    long,
  );

  test(
    "a pod that no node has room for is said to be that",
    async () => {
      const source = podsOf(cluster, { image, startMs: 1_000 });
      const one = await sandboxed({ image, body, source, sandbox: { memoryMb: 900_000 } });
      await expect(one.call({ do: "add", n: 1 })).rejects.toMatchObject({
        reason: "sandbox_unavailable",
        message: expect.stringMatching(/no node takes it: 0\/1 nodes are available.*Insufficient memory/),
      });
      await one.close();
      await allGone();
    },
    long,
  );

  test("somebody without rights is told which", async () => {
    const { kubeconfig } = cluster.userKubeconfig("eve");
    const one = await box({ kubeconfig });
    await expect(one.call({ do: "add", n: 1 })).rejects.toMatchObject({
      reason: "sandbox_unavailable",
      message: expect.stringMatching(/"eve" cannot create resource "pods"/),
    });
    await one.close();
  });

  test(
    "what a predecessor left is removed before anything is made",
    async () => {
      const first = podsOf(cluster, { image });
      const request = { network: [], memoryMb: 128, cpus: 0.5, pids: 32, tmpMb: 8 };
      const place = { tool: "box.run", run: "r1", step: "s", lifeMs: 60_000 };
      const left = await first.open({ ...request, ...place }, () => undefined);
      expect(await podsOf(cluster, { image }).sweep()).toBe(1);
      await left.exited;
      await allGone();
      await first.close();
    },
    long,
  );
});
