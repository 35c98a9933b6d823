/** Kubeconfigs as people have them, through `af deploy --plan` itself: against the API server for tests. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ran, runAf } from "./run-af.ts";

let cluster: TestCluster;
let folder = "";

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "unrun" });
  folder = mkdtempSync(join(tmpdir(), "af-kubeconfig-"));
  writeFileSync(
    join(folder, "agentflow.yaml"),
    "apiVersion: agentflow.dev/v1\nkind: Project\nname: shop\n" +
      "targets:\n  prod: { kind: kubernetes, context: work }\n",
  );
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A part of a kubeconfig, in a file of its own. */
function file(name: string, content: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const authority = (): string => Buffer.from(cluster.authority ?? "").toString("base64");
const clusters = (more: object = {}) => ({
  clusters: [
    { name: "lab", cluster: { server: cluster.server, "certificate-authority-data": authority(), ...more } },
  ],
});
const contexts = { contexts: [{ name: "work", context: { cluster: "lab", user: "ann" } }] };
const users = (user: object) => ({ users: [{ name: "ann", user }] });

const images = [
  "--image",
  "control-plane=agentflow/control-plane:1",
  "--image",
  "worker=agentflow/shop:0f3a12bc44de",
];

const plan = (kubeconfig: string, environment: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  runAf(["deploy", "prod", "--plan", "--json", ...images], {
    cwd: folder,
    environment: { KUBECONFIG: kubeconfig, ...environment },
  });

/** The plan was made by the cluster that was meant. */
function isPlanned(ran: Ran): void {
  expect(ran.stdout).not.toContain(`"error"`);
  expect(ran).toMatchObject({ code: 16 });
  expect(JSON.parse(ran.stdout)).toMatchObject({
    data: { target: "prod", cluster: "work", namespace: "shop" },
  });
}

test("cluster, user and context in files of their own; the first that names a thing holds", async () => {
  const token = cluster.adminToken;
  const files = [
    join(folder, "not-there"),
    file("clusters", { ...clusters(), "current-context": "other" }),
    file("contexts", contexts),
    file("users", users({ token })),
    // Names again what the others named: passed over.
    file("later", {
      ...users({ token: "another" }),
      clusters: [{ name: "lab", cluster: { server: "https://127.0.0.1:1" } }],
    }),
  ];
  isPlanned(await plan(files.join(delimiter)));
});

test("proxy-url: every question goes through the proxy, which sees TLS and no token", async () => {
  const seen: string[] = [];
  const passed: Buffer[] = [];
  const proxy = await connectProxy(seen, passed);
  const address = proxy.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const config = { ...clusters({ "proxy-url": `http://127.0.0.1:${port}` }), ...contexts };
  // A name that leads nowhere from here: it can only have been the proxy that found it.
  const server = cluster.server.replace("127.0.0.1", "kubernetes.default.svc");
  config.clusters[0] = {
    name: "lab",
    cluster: { ...config.clusters[0]?.cluster, server, "certificate-authority-data": authority() },
  };
  try {
    isPlanned(await plan(file("proxied", { ...config, ...users({ token: cluster.adminToken }) })));
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
  expect(seen.length).toBeGreaterThan(0);
  expect(new Set(seen)).toEqual(new Set([new URL(server).host]));
  expect(Buffer.concat(passed).toString("latin1")).not.toContain(cluster.adminToken);
});

test("an exec plugin is asked, once, with the environment that the kubeconfig gives it", async () => {
  const plugin = join(folder, "give-token");
  const asked = join(folder, "asked");
  const credential = {
    kind: "ExecCredential",
    apiVersion: "client.authentication.k8s.io/v1",
    status: { token: cluster.adminToken, expirationTimestamp: "2999-01-01T00:00:00Z" },
  };
  writeFileSync(join(folder, "credential"), JSON.stringify(credential));
  writeFileSync(plugin, `#!/bin/sh\necho "$1 $ROLE" >> "${asked}"\ncat "${join(folder, "credential")}"\n`);
  chmodSync(plugin, 0o755);
  const exec = {
    apiVersion: credential.apiVersion,
    // As kubectl takes it: from the folder of the file.
    command: "./give-token",
    args: ["--for-cluster"],
    env: [{ name: "ROLE", value: "deployer" }],
    interactiveMode: "Never",
  };
  const ran = await plan(file("exec", { ...clusters(), ...contexts, ...users({ exec }) }));
  isPlanned(ran);
  expect(readFileSync(asked, "utf8")).toBe("--for-cluster deployer\n");
  expect(ran.stdout + ran.stderr).not.toContain(cluster.adminToken);
});

/** Leads every name to the cluster's port on loopback. */
async function connectProxy(seen: string[], passed: Buffer[]): Promise<Server> {
  const server = createServer();
  server.on("connect", (request, client: Duplex) => {
    seen.push(request.url ?? "");
    const there = connect(Number(new URL(cluster.server).port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      client.on("data", (chunk: Buffer) => passed.push(chunk));
      client.pipe(there).pipe(client);
    });
    there.on("error", () => client.destroy());
    client.on("error", () => there.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
