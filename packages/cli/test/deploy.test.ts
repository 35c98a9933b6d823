/** `af deploy` as a process, against the API server for tests: what it prints and how it ends. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  expect(await af(["deploy", "prod", "--image", "wroker=x"])).toMatchObject({ code: 2 });
  const data = await af(["deploy", "prod", "--prune-data", ...images]);
  expect(data).toMatchObject({ code: 2 });
  expect(data.stderr).toContain("pass --yes");
  expect(await af(["deploy", "rollback", "7", "--target", "prod"])).toMatchObject({ code: 4 });
});

test("rights that are missing, and a token that has expired: exit 5, with what to do", async () => {
  const { kubeconfig, token } = cluster.userKubeconfig("eve");
  const rights = await af(["deploy", "prod", ...images], kubeconfig);
  expect(rights).toMatchObject({ code: 5 });
  expect(rights.stderr).toContain("patch deployments.apps");
  expect(rights.stderr).toContain("nothing was changed");
  cluster.faults.expire(token);
  const expired = await af(["deploy", "prod", "--json", ...images], kubeconfig);
  expect(expired).toMatchObject({ code: 5 });
  expect(JSON.parse(expired.stdout)).toMatchObject({ error: { reason: "cluster_unauthenticated" } });
  expect(expired.stdout + expired.stderr).not.toContain(token);
});

test("a wait that is over: exit 7; Ctrl-C: exit 130, and it says how to look and go on", async () => {
  const late = await af(["deploy", "prod", "--timeout", "1s", ...images]);
  expect(late).toMatchObject({ code: 7 });
  expect(late.stderr).toContain("not ready after 1.0s");
  expect(late.stderr).toContain("af deploy status");
  const stopped = await begin(["deploy", "prod", ...images], "SIGINT");
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("stopped waiting; what was applied goes on in the cluster");
  expect(stopped.stderr).toContain("af deploy status prod");
});

test("kill -9 leaves no lock: the next deploy waits for the dead one's lease, and goes on", async () => {
  await begin(["deploy", "prod", ...images], "SIGKILL");
  const next = await af(["deploy", "prod", "--no-wait", ...images]);
  expect(next).toMatchObject({ code: 0 });
  expect(next.stderr).toMatch(/waiting to see whether .*\(process \d+\) still deploys/);
  const again = await af(["deploy", "prod", "--no-wait", "--json", ...images]);
  expect(JSON.parse(again.stdout)).toMatchObject({ data: { changed: false, changes: [], ready: false } });
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

/** Ends it with that signal once the keys' job was made. */
function begin(
  args: readonly string[],
  signal: NodeJS.Signals,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: project,
    env: { PATH: process.env["PATH"], HOME: project, NO_COLOR: "1", ...env() },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
    if (!child.killed && /Job keys-\w+ starts/.test(stderr)) child.kill(signal);
  });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stderr });
    });
  });
}
