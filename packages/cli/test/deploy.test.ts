/** `af deploy` as a process, against the API server for tests: what it prints and how it ends. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bin, runAf } from "./run-af.ts";

const images = [
  "--image",
  "control-plane=agentflow/control-plane:1",
  "--image",
  "worker=agentflow/shop:0f3a12bc44de",
];
let cluster: TestCluster;
let project = "";

beforeAll(async () => {
  // Nothing runs there: a first deploy waits for the keys until somebody ends it.
  cluster = await startTestCluster({ pods: "unrun" });
  project = mkdtempSync(join(tmpdir(), "af-deploy-"));
  writeFileSync(
    join(project, "agentflow.yaml"),
    [
      "apiVersion: agentflow.dev/v1",
      "kind: Project",
      "name: shop",
      "targets:",
      "  prod: { kind: kubernetes }",
      "  stopped: { kind: kubernetes, namespace: stopped }",
      "  gone: { kind: kubernetes, context: nowhere }",
      "  here: { kind: docker }",
      "",
    ].join("\n"),
  );
});
afterAll(async () => {
  await cluster.stop();
  rmSync(project, { recursive: true, force: true });
});

const env = (kubeconfig = cluster.kubeconfig) => ({ KUBECONFIG: kubeconfig });
const af = (args: readonly string[], kubeconfig?: string) =>
  runAf(args, { cwd: project, environment: env(kubeconfig) });

test("a plan into a namespace that is not there is made offline, and says so: exit 16", async () => {
  const ran = await af(["deploy", "prod", "--plan", ...images]);
  expect(ran).toMatchObject({ code: 16 });
  expect(ran.stdout).toContain("+ create  Deployment shop-prod-worker-default-0f3a12bc44de");
  expect(ran.stderr).toContain("namespace shop is not there yet and will be made");
  expect(ran.stderr).toContain("planned without asking the cluster");
  expect(cluster.store.get({ resource: "namespaces", namespace: "", name: "shop" })).toBeUndefined();
});

test("what is wrong before anything is asked has its own exit codes", async () => {
  const unknown = await af(["deploy", "gone", ...images]);
  expect(unknown).toMatchObject({ code: 4 });
  expect(unknown.stderr).toContain('the kubeconfig has no context "nowhere"');
  expect(await af(["deploy", "here", ...images])).toMatchObject({ code: 2 });
  expect(await af(["deploy", "prdo", ...images])).toMatchObject({ code: 4 });
  for (const part of ["wroker", "constructor", "__proto__"])
    expect(await af(["deploy", "prod", "--image", `${part}=x`])).toMatchObject({ code: 2 });
  const data = await af(["deploy", "prod", "--prune-data", ...images]);
  expect(data).toMatchObject({ code: 2 });
  expect(data.stderr).toContain("pass --yes");
  expect(await af(["deploy", "rollback", "7", "--target", "prod"])).toMatchObject({ code: 4 });
  mkdirSync(join(project, "workflows"));
  writeFileSync(join(project, "workflows/a.yaml"), "apiVersion: agentflow.dev/v1\nkind: Workflwo\nname: a\n");
  const invalid = await af(["deploy", "prod", "--plan", ...images]);
  rmSync(join(project, "workflows"), { recursive: true });
  expect(invalid).toMatchObject({ code: 3 });
  expect(invalid.stderr).toContain("workflows/a.yaml");
});

test("rights that are missing, and a token that has expired: exit 5, with what to do", async () => {
  const { kubeconfig, token } = cluster.userKubeconfig("eve");
  const rights = await af(["deploy", "prod", ...images], kubeconfig);
  expect(rights).toMatchObject({ code: 5 });
  expect(rights.stderr).toContain("get/create/patch/delete/list deployments.apps");
  expect(rights.stderr).toContain("nothing was changed");
  cluster.faults.expire(token);
  const expired = await af(["deploy", "prod", "--json", ...images], kubeconfig);
  expect(expired).toMatchObject({ code: 5 });
  expect(JSON.parse(expired.stdout)).toMatchObject({ error: { reason: "cluster_unauthenticated" } });
  expect(expired.stdout + expired.stderr).not.toContain(token);
});

test("a wait that is over: exit 7", async () => {
  const late = await af(["deploy", "prod", "--timeout", "1s", ...images]);
  expect(late).toMatchObject({ code: 7 });
  expect(late.stderr).toContain("not ready after 1.0s");
  expect(late.stderr).toContain("af deploy status");
});

test("Ctrl-C: exit 130; it says whether anything was applied, how to look and how to go on", async () => {
  const early = await begin(["deploy", "stopped", ...images], {
    signal: "SIGINT",
    when: /asking the cluster/,
  });
  expect(early.code).toBe(130);
  expect(early.stderr).toContain("stopped; nothing was applied");
  expect(early.stderr).toContain("af deploy stopped");
  expect(cluster.store.get({ resource: "namespaces", namespace: "", name: "stopped" })).toBeUndefined();
  const late = await begin(["deploy", "stopped", ...images], { signal: "SIGINT", when: keysStart });
  expect(late.code).toBe(130);
  expect(late.stderr).toContain("stopped waiting; what was applied goes on in the cluster");
  expect(late.stderr).toContain("af deploy status stopped");
  // The next one finds no lease of it.
  const key = { resource: "leases.coordination.k8s.io", namespace: "stopped", name: "shop-stopped-deploy" };
  expect(cluster.store.get(key)?.["spec"]).toMatchObject({ holderIdentity: "" });
});

test("kill -9 leaves no lock: the next deploy on this machine goes on at once", async () => {
  await begin(["deploy", "prod", ...images], { signal: "SIGKILL", when: keysStart });
  const next = await af(["deploy", "prod", "--no-wait", ...images]);
  expect(next).toMatchObject({ code: 0 });
  // Only Linux tells one process from another of the same number.
  const isLinux = process.platform === "linux";
  expect(next.stderr).toMatch(
    isLinux ? /\(process \d+\) died in the middle of a deploy/ : /waiting up to 15s to see whether/,
  );
  const again = await af(["deploy", "prod", "--no-wait", "--json", ...images]);
  expect(JSON.parse(again.stdout)).toMatchObject({ data: { changed: false, changes: [], ready: false } });
});

test("a context that leads to another cluster than before says so at once", async () => {
  const other = await startTestCluster();
  const ran = await af(["deploy", "prod", "--plan", ...images], other.kubeconfig);
  await other.stop();
  expect(ran.stderr).toContain(
    `another one than before: prod went to test-cluster/shop at ${cluster.server}`,
  );
  const same = await af(["deploy", "prod", "--plan", ...images]);
  expect(same.stderr).not.toContain("another one than before");
});

test("a disk that is full in the end: it is reported, and what is not remembered is said", async () => {
  const state = join(project, ".agentflow");
  renameSync(state, `${state}.kept`);
  // Nothing can be written below a file.
  writeFileSync(state, "");
  const done = await af(["deploy", "prod", "--no-wait", ...images]);
  rmSync(state);
  renameSync(`${state}.kept`, state);
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(/^revision \d+/);
  expect(done.stderr).toContain("--context prod may not lead there from here");
});

test("what is wrong in agentflow.yaml is said before any target is looked for", async () => {
  const file = join(project, "agentflow.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, `${text}targets:\n  more: { kind: kubernetes }\n`);
  const twice = await af(["deploy", "more", "--plan"]);
  writeFileSync(file, text);
  expect(twice).toMatchObject({ code: 3 });
  expect(twice.stderr).toContain("this key is here twice");
});

test("status, list and gc of what was applied", async () => {
  const status = await af(["deploy", "status", "prod"]);
  expect(status).toMatchObject({ code: 0 });
  expect(status.stdout).toContain("control-plane");
  const list = await af(["deploy", "list", "prod", "--json"]);
  const { data } = JSON.parse(list.stdout);
  expect(data.items.at(-1)).toMatchObject({ build: "0f3a12bc44de", outcome: "applying" });
  const gc = await af(["deploy", "gc", "prod"]);
  expect(gc).toMatchObject({ code: 0 });
  expect(gc.stderr).toContain("nothing to remove");
});

test("down: a plan, what goes and what stays, and once more there is nothing", async () => {
  const plan = await af(["down", "prod", "--plan", "--volumes"]);
  expect(plan).toMatchObject({ code: 16 });
  expect(plan.stdout).toContain("- remove  StatefulSet shop-prod-nats");
  expect(plan.stdout).toContain("- remove  PersistentVolumeClaim nats-shop-prod-nats-1");
  const refused = await af(["down", "prod", "--volumes", "--yes"]);
  expect(refused).toMatchObject({ code: 8 });
  expect(refused.stderr).toContain("whether prod has runs in flight cannot be asked");
  expect(refused.stderr).toContain("af deploy prod");
  const asked = await af(["down", "prod", "--volumes", "--force"]);
  expect(asked).toMatchObject({ code: 2 });
  expect(asked.stderr).toContain("pass --yes");
  const kubelet = endingPods();
  const kept = await af(["down", "prod", "--json"]);
  kubelet.stop();
  expect(kept).toMatchObject({ code: 0 });
  expect(JSON.parse(kept.stdout).data).toMatchObject({
    target: "prod",
    namespace: "shop",
    dataRemoved: [],
    dataKept: ["PersistentVolumeClaim/nats-shop-prod-nats-1"],
  });
  const status = await af(["deploy", "status", "prod"]);
  expect(status.stderr).toContain("prod was taken down; its data is kept. go on: af deploy prod");
  expect((await af(["down", "prod"])).stderr).toContain("prod was not up");
  const all = await af(["down", "prod", "--volumes", "--force", "--yes"]);
  expect(all).toMatchObject({ code: 0 });
  expect(all.stderr).toContain("1 volume and all that was in them are gone");
  expect(all.stderr).toContain("kubectl delete namespace shop");
  expect(cluster.store.list("secrets", "shop")).toEqual([]);
  expect(cluster.store.list("leases.coordination.k8s.io", "shop")).toEqual([]);
}, 180_000);

/** Nothing runs there, so nobody else takes away pods that are to end. */
function endingPods(): { stop(): void } {
  const timer = setInterval(() => {
    for (const { metadata } of cluster.store.list("pods", "shop"))
      if (metadata["deletionTimestamp"] !== undefined)
        cluster.store.remove({ resource: "pods", namespace: "shop", name: metadata.name });
  }, 50);
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}

const keysStart = /Job keys-\w+ starts/;

/** Ends it with that signal once it has said that. */
function begin(
  args: readonly string[],
  { signal, when }: { readonly signal: NodeJS.Signals; readonly when: RegExp },
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: project,
    env: { PATH: process.env["PATH"], HOME: project, NO_COLOR: "1", ...env() },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
    if (!child.killed && when.test(stderr)) child.kill(signal);
  });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stderr });
    });
  });
}
