/** A whole test cluster whose pods are containers: what a pod that talks to the API server finds. */
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../../src/index.ts";
import { seenIn } from "./parse-recorded.ts";
import { until } from "./until.ts";

const missing = await engineMissing();
const name = `knode-c${process.pid}`;

describe.skipIf(missing !== undefined)(`a cluster on an engine ${missing ?? ""}`, () => {
  let cluster: TestCluster;
  let image = "";

  beforeAll(async () => {
    const found = await testEngine();
    image = (await baseImages(found)).node;
    cluster = await startTestCluster({ pods: { engine: found.docker, name }, pace: 10 });
  }, 120_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  function phase(pod: string): string | undefined {
    const found = cluster.store.get({ resource: "pods", namespace: "default", name: pod });
    return found === undefined ? undefined : seenIn(found).status?.phase;
  }

  test("a Job reaches the API server with token, certificate and address as they are given", async () => {
    const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
    const script = `
      const { readFileSync: read } = require("fs");
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
      const namespace = read("${folder}/namespace", "utf8");
      const options = {
        host, port, ca: read("${folder}/ca.crt"),
        path: "/api/v1/namespaces/" + namespace + "/configmaps/kube-root-ca.crt",
        headers: { authorization: "Bearer " + read("${folder}/token", "utf8") },
      };
      require("https").get(options, (answer) => {
        console.log(answer.statusCode);
        process.exit(answer.statusCode === 200 ? 0 : 1);
      });`;
    cluster.writer.create("roles.rbac.authorization.k8s.io", "default", {
      metadata: { name: "reader" },
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }],
    });
    cluster.writer.create("rolebindings.rbac.authorization.k8s.io", "default", {
      metadata: { name: "reader" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace: "default" }],
    });
    await until(
      cluster.store,
      () =>
        cluster.store.get({ resource: "configmaps", namespace: "default", name: "kube-root-ca.crt" }) !==
        undefined,
    );
    const main = { name: "main", image, command: ["node", "-e", script] };
    const securityContext = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, runAsNonRoot: true };
    const spec = { restartPolicy: "Never", securityContext, containers: [main] };
    cluster.writer.create("pods", "default", { metadata: { name: "asks" }, spec });
    await until(cluster.store, () => ["Succeeded", "Failed"].includes(phase("asks") ?? ""));
    const headers = { authorization: `Bearer ${cluster.adminToken}` };
    const url = new URL(`${cluster.server}/api/v1/namespaces/default/pods/asks/log`);
    const { get } = await import("node:https");
    const log = await new Promise<string>((resolve, reject) => {
      const sent = get(url, { headers, ca: cluster.authority }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("end", () => resolve(Buffer.concat(parts).toString()));
      });
      sent.on("error", reject);
    });
    expect([phase("asks"), log]).toEqual(["Succeeded", "200\n"]);
  }, 60_000);
});
