/**
 * Untrusted tools of a project that `af deploy` brought to a cluster: shown against the test cluster, whose
 * pods are containers of the test engine.
 */
import { baseImages, clientFolder, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ran, runAf } from "../run-af.ts";
import { sandboxedProject } from "./sandboxed-project.ts";
import type { Scratch } from "./scratch.ts";

const missing = await engineMissing();
const long = 300_000;
const runtimeClass = "strict";
const inSandbox = "agentflow.dev/sandbox";

describe.skipIf(missing !== undefined)(`a sandbox in a cluster ${missing ?? ""}`, () => {
  const name = `af-sbox-${process.pid}`;
  const classKey = { resource: "runtimeclasses.node.k8s.io", namespace: "", name: runtimeClass };
  let cluster: TestCluster;
  let project: Scratch;
  let environment: Record<string, string>;

  beforeAll(async () => {
    const engine = await testEngine();
    cluster = await startTestCluster({
      pods: { engine: engine.docker, name },
      closes: true,
      metrics: "measured",
    });
    project = sandboxedProject({ name, runtimeClass, images: await baseImages(engine) });
    environment = {
      KUBECONFIG: cluster.kubeconfig,
      DOCKER_HOST: engine.host,
      DOCKER_CONFIG: await clientFolder(["docker-buildx"]),
    };
  }, long);

  afterAll(async () => {
    await cluster.stop();
    project.remove();
    const [{ openEngine }, { listImages, pruneImages }] = await Promise.all([
      import("@agentflow/cluster/engine"),
      import("@agentflow/cluster/image"),
    ]);
    const engine = await openEngine({ host: (await testEngine()).host });
    await pruneImages(
      engine,
      (await listImages(engine)).filter((image) => image.project === name),
    );
    engine.close();
  }, long);

  const af = (...words: string[]): Promise<Ran> =>
    runAf(words, { cwd: project.dir, environment, limitMs: long });
  const putClass = (): void => {
    const object = { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", handler: "runc" };
    cluster.store.put(classKey, { ...object, metadata: { name: runtimeClass } });
  };
  /** Of calls that are running. */
  const boxes = (): string[] =>
    cluster.store
      .list("pods", name)
      .filter(({ metadata }) => metadata.labels?.[inSandbox] !== undefined)
      .map((pod) => pod.metadata.name);
  const noBoxes = (): Promise<void> => expect.poll(boxes, { timeout: 30_000 }).toEqual([]);
  const run = (what: string, workflow = "box"): Promise<Ran> =>
    af("run", workflow, "--context", "prod", "--json", "--input", JSON.stringify({ what }));
  const failure = (ran: Ran): string =>
    (/"code":"sandbox_[^}]*|"code":"timeout[^}]*/.exec(ran.stdout) ?? [ran.stdout])[0];

  const idIn = (text: string): string => (/\br[0-9a-z]{26}\b/.exec(text) ?? [""])[0];

  /** The pod of a call whose tool has begun. */
  async function begun(): Promise<string> {
    const { docker } = await testEngine();
    const hasBegun = async (): Promise<boolean> => {
      const filters = {
        label: [`io.kubernetes.pod.namespace=${name}`, "io.kubernetes.container.name=sandbox"],
      };
      const [pod = "none"] = boxes();
      const found = (await docker.listContainers({ filters })).find(
        (one) => one.Labels["io.kubernetes.pod.name"] === pod,
      );
      if (found === undefined) return false;
      const asked = await docker.getContainer(found.Id).exec({ Cmd: ["test", "-e", "/tmp/begun"] });
      (await asked.start({})).resume();
      await expect.poll(async () => (await asked.inspect()).Running).toBe(false);
      return (await asked.inspect()).ExitCode === 0;
    };
    await expect.poll(hasBegun, { timeout: 60_000 }).toBe(true);
    return boxes()[0] ?? "";
  }

  test(
    "without its RuntimeClass nothing is deployed: exit 8",
    async () => {
      const ran = await af("deploy", "prod", "--yes");
      expect(ran).toMatchObject({ code: 8 });
      expect(ran.stderr).toContain(
        `the cluster has no RuntimeClass ${runtimeClass}; untrusted tools need it`,
      );
      expect(cluster.store.list("pods", name)).toEqual([]);
    },
    long,
  );

  test(
    "deployed, a call runs in a pod that the broker made, and what applied stands in the run",
    async () => {
      putClass();
      expect(await af("deploy", "prod", "--yes")).toMatchObject({ code: 0 });
      const ran = await run("look");
      expect(ran).toMatchObject({ code: 0 });
      const value = { token: false, broker: false, network: false, root: "EROFS" };
      expect(JSON.parse(ran.stdout)).toMatchObject({ data: { output: { value } } });
      const id = idIn(ran.stdout);
      const { stdout: told } = await af("run", "get", id, "--context", "prod");
      expect(told).toContain(
        `a ran in a sandbox: kubernetes (${runtimeClass}), no network, 96 MiB, 1 core, 64 processes`,
      );
      await noBoxes();
    },
    long,
  );

  test(
    "what applies there is told from the release and the cluster, and a doctor proves it by doing",
    async () => {
      const ran = await af("tool", "inspect", "box.run", "--effective", "--context", "prod", "--json");
      expect(ran).toMatchObject({ code: 0 });
      const { sandbox } = JSON.parse(ran.stdout).data;
      expect(sandbox).toMatchObject({
        effective: {
          profile: { value: "kubernetes" },
          network: { value: "none" },
          memoryMb: { value: 96, from: "project" },
        },
        inCluster: {
          runtimeClass,
          networkPolicy: `${name}-prod-sandbox`,
          broker: { rights: ["create, get, list, delete pods", "create, get pods/exec", "list events"] },
          cluster: {
            answers: true,
            runtimeClass: { state: "there", handler: "runc", nodes: [{ name: "node1", isReady: true }] },
            policy: "closes",
            brokers: { workers: 1, ready: 1, runtimeClasses: [runtimeClass] },
          },
        },
      });
      expect(sandbox.here).toBeUndefined();
      const { stdout: told } = await af("tool", "inspect", "box.run", "--effective", "--target", "prod");
      expect(told).toMatch(/runtime class +✓ handler runc, on node1\n/);
      expect(told).toMatch(/broker +✓ ready beside 1 of 1 workers/);
      expect(await sandboxLines()).toEqual([
        "good brokers are ready beside 1 of 1 workers",
        expect.stringMatching(
          /^good a pod as the broker makes them ran, and is removed: kubernetes \(strict\)/,
        ),
      ]);
      const { kubeconfig } = cluster.userKubeconfig("eve", { groups: ["lookers"], namespace: name });
      letLook("lookers");
      const [, proof] = await sandboxLines(kubeconfig);
      expect(proof).toMatch(/^note not tried, for you may not: .*cannot create resource "pods"/);
      await noBoxes();
    },
    long,
  );

  /** May see everything and make nothing. */
  function letLook(name: string): void {
    const apiGroup = "rbac.authorization.k8s.io";
    const of = { apiVersion: `${apiGroup}/v1`, metadata: { name } };
    const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list"] }];
    const roleRef = { apiGroup, kind: "ClusterRole", name };
    const subjects = [{ apiGroup, kind: "Group", name }];
    const key = (plural: string) => ({ resource: `${plural}.${apiGroup}`, namespace: "", name });
    cluster.store.put(key("clusterroles"), { ...of, kind: "ClusterRole", rules });
    const binding = { ...of, kind: "ClusterRoleBinding", roleRef, subjects };
    cluster.store.put(key("clusterrolebindings"), binding);
  }

  /** What `af doctor` says of it. */
  async function sandboxLines(kubeconfig = cluster.kubeconfig): Promise<string[]> {
    const words = ["doctor", "--target", "prod", "--json"];
    const options = { cwd: project.dir, limitMs: long };
    const ran = await runAf(words, { ...options, environment: { ...environment, KUBECONFIG: kubeconfig } });
    const checks: { name: string; state: string; fact: string }[] = JSON.parse(ran.stdout).data.checks;
    return checks.filter((one) => one.name === "sandbox").map(({ state, fact }) => `${state} ${fact}`);
  }

  test(
    "too much memory, too much output and too much time end a call, each with its reason",
    async () => {
      const ran = await Promise.all([run("memory"), run("flood"), run("hang", "short")]);
      expect(ran.map(({ code }) => code)).toEqual([10, 10, 10]);
      expect(ran.map(failure)).toEqual([
        expect.stringContaining("sandbox_out_of_memory"),
        expect.stringContaining("sandbox_output_limit"),
        expect.stringContaining("timeout"),
      ]);
      await noBoxes();
    },
    long,
  );

  test(
    "a pod that somebody deletes ends its call, and says so; a cancelled run takes its pod along",
    async () => {
      const first = run("hang");
      cluster.writer.remove({ resource: "pods", namespace: name, name: await begun() }, {});
      expect(failure(await first)).toContain("somebody deleted its pod");
      await noBoxes();
      const second = run("hang");
      await begun();
      const { stdout } = await af("run", "list", "--context", "prod", "--json");
      const id = idIn(stdout);
      expect(await af("run", "cancel", id, "--context", "prod")).toMatchObject({ code: 0 });
      expect(await second).toMatchObject({ code: 11 });
      await noBoxes();
    },
    long,
  );

  test(
    "a broker that is killed in the middle ends the call; the next one removes what it left and serves",
    async () => {
      const ran = run("hang");
      const pod = await begun();
      const { docker } = await testEngine();
      const label = [`io.kubernetes.pod.namespace=${name}`, "io.kubernetes.container.name=sandbox"];
      const found = await docker.listContainers({ filters: { label } });
      const broker = found.find((one) => one.Labels["io.kubernetes.pod.name"] !== pod);
      await docker.getContainer(broker?.Id ?? "").kill();
      expect(failure(await ran)).toContain("its broker went away");
      await noBoxes();
      expect(await run("look")).toMatchObject({ code: 0 });
    },
    long,
  );

  test(
    "what its pods use is shown where the cluster measures it",
    async () => {
      const worker = () =>
        cluster.store.list("pods.metrics.k8s.io", name).find((one) => one.metadata.name.includes("-worker-"));
      await expect.poll(worker, { timeout: 60_000 }).toBeDefined();
      // Once more after the broker was started again; its own limit and that of the broker beside it.
      await expect
        .poll(async () => (await af("status", "--context", "prod")).stdout, { timeout: 60_000 })
        .toMatch(/CPU +MEMORY[^]*worker-default-\S+ +ready +1 +\S.*? +[\d.]+% +[\d.]+ MiB\/768 MiB/);
      const top = await af("top", "--once", "--view", "containers", "--context", "prod");
      expect(top.stdout).toMatch(/worker-default-\S+ +running, healthy +[\d.]+ +[\d.]+ MiB +768 MiB +1/);
      expect(top.stdout).not.toContain("metrics.k8s.io");
    },
    long,
  );

  test(
    "a RuntimeClass that goes later fails the calls, and the run says why",
    async () => {
      cluster.store.remove(classKey);
      const ran = await run("look");
      expect(ran).toMatchObject({ code: 10 });
      const id = idIn(ran.stdout);
      const { stdout: why } = await af("why", id, "--context", "prod");
      expect(why).toContain("sandbox_unavailable");
      expect(why).toContain(`RuntimeClass "${runtimeClass}" not found`);
      const { stdout: told } = await af("tool", "inspect", "box.run", "--effective", "--target", "prod");
      expect(told).toContain(`✗ ${runtimeClass} is not there: no call is made, and no deploy`);
      const [, proof] = await sandboxLines();
      expect(proof).toMatch(/^bad no pod was made: .*RuntimeClass "strict" not found/);
    },
    long,
  );
});
