/**
 * What `af deploy --out` writes, used as somebody does who has no `af`: by kubectl and by Helm themselves,
 * against the API server for tests, whose pods are containers. A run ends on what they made.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import {
  findHelm,
  helmFor,
  kubectlFor,
  kubectlMissing,
  type Program,
} from "@agentflow/test-cluster/programs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { oneTool, type Scratch, scratchProject } from "./scratch.ts";

const helmMissing = "missing" in findHelm() ? "no Helm" : undefined;
const missing = (await engineMissing()) ?? (await kubectlMissing()) ?? helmMissing;
const name = `af-files-${process.pid}`;

describe.skipIf(missing !== undefined)(`files of af deploy on a cluster ${missing ?? ""}`, () => {
  let cluster: TestCluster;
  let kubectl: Program;
  let helm: Program;
  let scratch: Scratch;
  let environment: Record<string, string> = {};
  const af = async (...args: string[]) => {
    const ran = await runAf(args, { cwd: scratch.dir, environment, limitMs: 300_000 });
    expect(ran, `${args.join(" ")}\n${ran.stderr}`).toMatchObject({ code: 0 });
    return ran.stdout;
  };
  const answer = async (namespace: string) => {
    const asked = [
      "run",
      "one",
      "--context",
      `k8s:test-cluster/${namespace}`,
      "--input",
      '{"n":1}',
      "--json",
    ];
    return JSON.parse(await af(...asked));
  };
  const build = (word: string) => {
    for (const [file, text] of Object.entries(oneTool(`return "${word}" + n;`))) scratch.write(file, text);
    return af("image", "build", "--target", "here");
  };
  const pods = (namespace: string) =>
    cluster.store.list("pods", namespace).map(({ metadata }) => metadata.name);

  beforeAll(async () => {
    const engine = await testEngine();
    const { node, nats } = await baseImages(engine);
    const file = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
    const trusted = existsSync(file) && readFileSync(file).length > 0 ? { NODE_EXTRA_CA_CERTS: file } : {};
    cluster = await startTestCluster({ pods: { engine: engine.docker, name } });
    kubectl = await kubectlFor(cluster.kubeconfig);
    helm = helmFor(cluster.kubeconfig);
    environment = { DOCKER_HOST: engine.host, KUBECONFIG: cluster.kubeconfig, ...trusted };
    const images = `images: { base: "${node}", nats: "${nats}" }`;
    const targets = [
      `  here: { kind: docker, ${images} }`,
      `  prod: { kind: kubernetes, imageLoad: "true {image}", ${images} }`,
    ];
    const head = `apiVersion: agentflow.dev/v1\nkind: Project\nname: ${name}\ntargets:\n`;
    scratch = scratchProject({
      "package.json": JSON.stringify({ name, type: "module", dependencies: { zod: "4.6.7" } }),
      "agentflow.yaml": `${head}${targets.join("\n")}\n`,
    });
    await build("first");
  }, 600_000);

  afterAll(async () => {
    helm?.close();
    kubectl?.close();
    await cluster?.stop();
    scratch?.remove();
    const { docker } = await testEngine();
    const filters = { label: [`dev.agentflow.project=${name}`] };
    for (const { Id } of await docker.listImages({ filters })) {
      await docker.getImage(Id).remove({ force: true });
    }
  }, 120_000);

  test("manifests: kubectl applies them, all gets ready, a run ends; again nothing moves", async () => {
    await af("deploy", "prod", "--out", "manifests=k8s");
    const apply = ["apply", "--server-side", "-n", name, "-f", path.join(scratch.dir, "k8s")];
    expect(await kubectl.run(["create", "namespace", name])).toMatchObject({ code: 0 });
    expect(await kubectl.run(apply)).toMatchObject({ code: 0, err: "" });
    const wait = (what: string, kind: string) =>
      kubectl.run(["wait", "-n", name, `--for=${what}`, kind, "--all", "--timeout=60s"]);
    expect(await wait("condition=complete", "jobs")).toMatchObject({ code: 0 });
    expect(await wait("condition=Available", "deployments")).toMatchObject({ code: 0 });
    const rollout = ["rollout", "status", "-n", name, `statefulset/${name}-prod-nats`, "--timeout=60s"];
    expect(await kubectl.run(rollout)).toMatchObject({ code: 0 });
    expect(await answer(name)).toMatchObject({ data: { status: "completed", output: { value: "first1" } } });
    const before = pods(name);
    expect(await kubectl.run(apply)).toMatchObject({ code: 0, err: "" });
    expect(await kubectl.run(["diff", "--server-side", ...apply.slice(2)])).toMatchObject({
      code: 0,
      out: "",
    });
    expect(pods(name)).toEqual(before);
  }, 600_000);

  test("the chart: installed, waited for, a run ends; an upgrade keeps the build before", async () => {
    const chart = path.join(scratch.dir, "chart");
    const waited = ["one", chart, "-n", "charted", "--wait", "--wait-for-jobs", "--timeout", "60s"];
    await af("deploy", "prod", "--out", "chart=chart");
    expect(await helm.run(["install", "--create-namespace", ...waited])).toMatchObject({ code: 0 });
    expect(await answer("charted")).toMatchObject({ data: { output: { value: "first1" } } });
    await build("second");
    await af("deploy", "prod", "--out", "chart=chart");
    expect(await helm.run(["upgrade", ...waited])).toMatchObject({ code: 0 });
    expect(await answer("charted")).toMatchObject({ data: { output: { value: "second1" } } });
    const ready = cluster.store
      .list("deployments.apps", "charted")
      .filter(({ metadata }) => metadata.name.includes("-worker-"))
      .map(({ status }) => status);
    expect(ready).toMatchObject([{ readyReplicas: 1 }, { readyReplicas: 1 }]);
    expect(await helm.run(["uninstall", "one", "-n", "charted", "--wait"])).toMatchObject({ code: 0 });
  }, 600_000);
});
