/** What `af deploy` says before it asks for much, as a process: against the API server for tests. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ran, runAf } from "./run-af.ts";

const guide = readFileSync(new URL("../../../docs/guide/kubernetes.md", import.meta.url), "utf8");
const section = /### When it does not work\n([^]*?)\n#/.exec(guide)?.[1] ?? "";
const rows = [...section.matchAll(/^\| ([^|]+) \| ([^|]+) \| (\d+) \| ([^|]*) ?\|$/gm)].map(
  ([, what = "", message = "", exit]) => ({ what, message, exit: Number(exit) }),
);

let cluster: TestCluster;
let other: TestCluster;
let folder = "";

beforeAll(async () => {
  [cluster, other] = await Promise.all([
    startTestCluster({ pods: "unrun" }),
    startTestCluster({ pods: "none" }),
  ]);
  folder = mkdtempSync(join(tmpdir(), "af-deploy-guide-"));
  writeFileSync(
    join(folder, "agentflow.yaml"),
    [
      "apiVersion: agentflow.dev/v1",
      "kind: Project",
      "name: shop",
      "targets:",
      "  prod: { kind: kubernetes }",
      "  gone: { kind: kubernetes, context: kubernetse }",
      "  fast: { kind: kubernetes, storage: { className: fast } }",
      "  held: { kind: kubernetes, namespace: held }",
      "",
    ].join("\n"),
  );
});
afterAll(async () => {
  await Promise.all([cluster.stop(), other.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

interface Kubeconfig {
  readonly server?: string;
  readonly authority?: string;
  readonly user?: object;
}

let written = 0;

function kubeconfig(of: Kubeconfig): string {
  const {
    server = cluster.server,
    authority = cluster.authority ?? "",
    user = { token: cluster.adminToken },
  } = of;
  const file = join(folder, `kubeconfig-${written++}`);
  const data = Buffer.from(authority).toString("base64");
  const own = "kubernetes";
  writeFileSync(
    file,
    JSON.stringify({
      "current-context": own,
      clusters: [{ name: own, cluster: { server, "certificate-authority-data": data } }],
      users: [{ name: own, user }],
      contexts: [{ name: own, context: { cluster: own, user: own } }],
    }),
  );
  return file;
}

const exec = (command: string, args: readonly string[] = []) => ({
  exec: { apiVersion: "client.authentication.k8s.io/v1", command, args, interactiveMode: "Never" },
});

const named = [
  "--image",
  "control-plane=agentflow/control-plane:1",
  "--image",
  "worker=agentflow/shop:0f3a12bc44de",
];

const plan = (file: string, target = "prod", more: readonly string[] = ["--plan"]): Promise<Ran> =>
  runAf(["deploy", target, ...more, ...named], { cwd: folder, environment: { KUBECONFIG: file } });

async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

/** A quota that has no room for anything of ours. */
function withoutRoom(): void {
  const metadata = { name: "held" };
  cluster.writer.create("namespaces", "", { apiVersion: "v1", kind: "Namespace", metadata });
  cluster.writer.create("resourcequotas", "held", {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "small" },
    spec: { hard: { pods: "1" } },
  });
}

/** One way to each. */
const ways: { readonly [what: string]: () => Promise<Ran> } = {
  "no kubeconfig": async () => plan(join(folder, "none")),
  "unknown context": async () => plan(kubeconfig({}), "gone"),
  "nobody answers": async () => plan(kubeconfig({ server: await closedPort() })),
  "its certificate": async () => plan(kubeconfig({ authority: other.authority ?? "" })),
  "expired token": async () => {
    const { token } = cluster.userKubeconfig("ann", { groups: ["system:masters"] });
    cluster.faults.expire(token);
    return plan(kubeconfig({ user: { token } }));
  },
  "the plugin is missing": async () => plan(kubeconfig({ user: exec("af-no-such-plugin") })),
  "the plugin fails": async () =>
    plan(kubeconfig({ user: exec("sh", ["-c", "echo the session has ended >&2; exit 1"]) })),
  "missing rights": async () => plan(cluster.userKubeconfig("eve").kubeconfig),
  "an API is not served": async () => {
    const refusal = {
      code: 404,
      reason: "NotFound",
      message: "the server could not find the requested resource",
    };
    const heal = cluster.faults.say(refusal, (_, path) => path === "/apis/networking.k8s.io/v1");
    return plan(kubeconfig({})).finally(heal);
  },
  "no such RuntimeClass, storage class": async () => plan(kubeconfig({}), "fast"),
  quota: async () => {
    withoutRoom();
    return plan(kubeconfig({}), "held");
  },
  "not ready in time": async () => plan(kubeconfig({}), "prod", ["--timeout", "1s"]),
};

/** Made to happen in packages/cluster/test/kubernetes, and held to their rows there. */
const within = new Set([
  "it hangs",
  "quota, used up meanwhile",
  "a policy refuses",
  "another manager's fields",
  "a chart's release",
  "the namespace is being removed",
  "somebody deploys",
  "histories",
  "histories, not read",
  "another release's name",
  "somebody's object",
  "bad image",
  "crash loop",
  "it never says that it is ready",
  "an older pod of NATS is broken",
  "no node takes it",
  "a job fails",
  "PodSecurity",
  "connection lost for good",
  "a machine that slept, a request that hung",
]);
/** In deploy.test.ts, with a signal. */
const interrupted = new Set(["Ctrl-C", "Ctrl-C before that"]);

test("each row of the guide has a way to it, and each way a row", () => {
  const known = [...Object.keys(ways), ...within, ...interrupted];
  expect(rows.map(({ what }) => what).sort()).toEqual(known.sort());
});

function like(message: string): RegExp {
  const escaped = message.replaceAll(/[.*+?^${}()[\]\\]/g, "\\$&");
  return new RegExp(escaped.replaceAll("…", "[^]*"));
}

test.each(rows.filter(({ what }) => what in ways))("$what", async ({ what, message, exit }) => {
  const ran = await ways[what]?.();
  expect(ran?.stderr.replaceAll(/\s+/g, " ")).toMatch(like(message));
  expect(ran?.code).toBe(exit);
  expect(ran?.stderr).not.toMatch(/^\s+at /m);
});
