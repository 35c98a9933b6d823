/** The real kubectl against pods of the test cluster. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../../src/index.ts";
import { findKubectl, kubectlMissing } from "../programs/find-kubectl.ts";
import { type Program, kubectlFor } from "../programs/program.ts";

const missing = await kubectlMissing();
const loop = 'trap "exit 0" TERM; echo ready; while true; do sleep 0.1; done';

describe.skipIf(missing !== undefined)(`kubectl${missing === undefined ? "" : ` (${missing})`}`, () => {
  let cluster: TestCluster;
  let kubectl: Program;
  let port = 0;

  beforeAll(async () => {
    cluster = await startTestCluster({ pods: "processes", pace: 20 });
    kubectl = await kubectlFor(cluster.kubeconfig);
    const listener = createServer();
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
    listener.close();
    await once(listener, "close");
    await ok(
      ["apply", "-f", "-"],
      `${JSON.stringify(web())}
---
${JSON.stringify(site(port))}`,
    );
  });
  afterAll(async () => {
    kubectl.close();
    await cluster.stop();
  });

  async function ok(args: readonly string[], input = ""): Promise<string> {
    const ran = await kubectl.run(args, input);
    expect(ran, ran.err).toMatchObject({ code: 0 });
    return ran.out;
  }

  test("waits for a rollout, scales, restarts, goes back", async () => {
    expect(await ok(["rollout", "status", "deploy/web"])).toContain("successfully rolled out");
    await ok(["scale", "deploy/web", "--replicas=3"]);
    await ok(["wait", "--for=jsonpath={.status.readyReplicas}=3", "deploy/web", "--timeout=30s"]);
    await ok(["rollout", "restart", "deploy/web"]);
    expect(await ok(["rollout", "status", "deploy/web"])).toContain("successfully rolled out");
    expect(await ok(["get", "rs", "-o", "jsonpath={.items[*].spec.replicas}"])).toMatch(/^(0 3|3 0)$/);
    await ok(["rollout", "undo", "deploy/web"]);
    await ok(["rollout", "status", "deploy/web"]);
    expect(await ok(["get", "rs", "-o", "jsonpath={.items[*].spec.replicas}"])).toMatch(/^(0 3|3 0)$/);
    await ok(["wait", "--for=condition=Available", "deploy/web", "--timeout=30s"]);
  });

  test("says why a rollout does not get on", async () => {
    const set = ["set", "image", "deploy/bad", "main=af.invalid/no/such:1"];
    await ok(["apply", "-f", "-"], JSON.stringify(web("bad")));
    await ok(["patch", "deploy/bad", "-p", JSON.stringify({ spec: { progressDeadlineSeconds: 20 } })]);
    await ok(["rollout", "status", "deploy/bad"]);
    await ok(set);
    const status = await kubectl.run(["rollout", "status", "deploy/bad"]);
    expect(status).toMatchObject({ code: 1 });
    expect(status.err).toContain("exceeded its progress deadline");
    expect(await ok(["get", "pods", "-l", "app=bad"])).toMatch(/ErrImagePull|ImagePullBackOff/);
    expect(await ok(["get", "events"])).toContain('Failed to pull image "af.invalid/no/such:1"');
  });

  test("follows logs, and watches", async () => {
    const lines = await kubectl.follow(["logs", "-f", "pod/site"], (line) => line === "up");
    expect(lines).toContain("up");
    const seen = await kubectl.follow(["get", "pod", "site", "-w"], (line) => line.includes("Running"));
    expect(seen.at(-1)).toMatch(/^site\s+1\/1\s+Running\s+0/);
  });

  test("runs programs in containers: output, input, exit code", async () => {
    await ok(["wait", "--for=condition=Ready", "pod/site", "--timeout=30s"]);
    expect(await kubectl.run(["exec", "-i", "site", "--", "cat"], "in\n")).toMatchObject({
      code: 0,
      out: "in\n",
    });
    const failed = await kubectl.run(["exec", "site", "--", "/bin/sh", "-c", "echo no >&2; exit 7"]);
    expect(failed).toMatchObject({ code: 7 });
    expect(failed.err).toContain("no\n");
  });

  test.each(["true", "false"])("forwards a port; through a WebSocket: %s", async (webSockets) => {
    await ok(["wait", "--for=condition=Ready", "pod/site", "--timeout=30s"]);
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: dirname(cluster.kubeconfig),
      KUBECONFIG: cluster.kubeconfig,
      KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets,
    };
    const forward = spawn(
      await findKubectl(),
      ["port-forward", "pod/site", `:${port}`, "--address=127.0.0.1"],
      {
        env,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const ended = once(forward, "exit");
    const [line] = await once(forward.stdout, "data");
    const local = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
    for (const word of ["one", "two"]) expect(await ask(Number(local), word)).toBe(`you said ${word}`);
    forward.kill();
    await ended;
  });
});

async function ask(port: number, word: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(word);
  const parts: string[] = [];
  for await (const part of socket) parts.push(String(part));
  return parts.join("");
}

function web(app = "web") {
  const probe = { exec: { command: ["true"] }, periodSeconds: 1 };
  const main = { name: "main", image: "bbsh:1", command: ["/bin/sh", "-c", loop], readinessProbe: probe };
  const template = {
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 1, containers: [main] },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: app },
    spec: { replicas: 2, selector: { matchLabels: { app } }, template },
  };
}

function site(port: number) {
  const serve =
    "require('net').createServer((s)=>s.once('data',(d)=>s.end('you said '+d)))" +
    `.listen(${port},'127.0.0.1',()=>console.log('up'))`;
  const readinessProbe = { tcpSocket: { port }, periodSeconds: 1 };
  const main = { name: "main", image: "bbsh:1", command: [process.execPath, "-e", serve], readinessProbe };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "site" },
    spec: { terminationGracePeriodSeconds: 1, containers: [main] },
  };
}
