import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { AgentFlowError } from "@agentflow/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCluster } from "./open.ts";

let folder = "";
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "af-kube-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
}

interface Written {
  readonly name: string;
  readonly server: string;
  readonly user?: object;
  readonly insecure?: boolean;
  readonly namespace?: string;
}

function kubeconfig(
  { name, server, user = {}, insecure = true, namespace }: Written,
  file = "config",
): string {
  const path = join(folder, file);
  writeFileSync(
    path,
    JSON.stringify({
      "current-context": name,
      clusters: [{ name, cluster: { server, "insecure-skip-tls-verify": insecure } }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name, ...(namespace ? { namespace } : {}) } }],
    }),
  );
  return path;
}

async function refusal(work: Promise<unknown>): Promise<AgentFlowError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!AgentFlowError.is(error)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

const status = (code: number, more: object = {}): string =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, ...more });

test("of several files the first that names a thing holds, and missing files are passed over", async () => {
  const a = kubeconfig({ name: "one", server: "http://127.0.0.1:1", namespace: "team" }, "a");
  const b = kubeconfig({ name: "two", server: "http://127.0.0.1:2" }, "b");
  const environment = { KUBECONFIG: [join(folder, "gone"), a, b].join(":") };
  const one = await openCluster({ environment });
  expect(one.address).toMatchObject({ context: "one", namespace: "team", files: [a, b] });
  const two = await openCluster({ environment, context: "two" });
  expect(two.address).toMatchObject({ context: "two", namespace: "default", server: "http://127.0.0.1:2" });
});

test("a context that is not there is named, with the one that was meant and all there are", async () => {
  const file = kubeconfig({ name: "staging", server: "http://127.0.0.1:1" });
  const error = await refusal(openCluster({ environment: {}, kubeconfig: file, context: "stagign" }));
  expect(error).toMatchObject({
    code: "not_found",
    suggestions: ["did you mean: staging", "there are: staging"],
  });
  const none = await refusal(openCluster({ environment: { KUBECONFIG: join(folder, "none") } }));
  expect(none).toMatchObject({ code: "not_found", reason: "no_kubeconfig" });
});

test("tokens do not travel over http unless the kubeconfig says that this is meant", async () => {
  const file = kubeconfig({ name: "c", server: "http://127.0.0.1:1", insecure: false });
  expect(await refusal(openCluster({ environment: {}, kubeconfig: file }))).toMatchObject({
    code: "refused",
    reason: "cluster_without_tls",
  });
});

test("nobody there, and an expired token: the next step is said", async () => {
  const gone = kubeconfig({ name: "c", server: "http://127.0.0.1:1" });
  const limits = { firstRetryMs: 10 };
  const nobody = await openCluster({ environment: {}, kubeconfig: gone, limits });
  const work = nobody.send("asking for its version", { method: "GET", path: "/version" });
  expect(await refusal(work)).toMatchObject({ code: "unavailable", reason: "cluster_unreachable" });
  const server = await answering((_, response) => {
    response.writeHead(401, { "content-type": "application/json" });
    response.end(status(401, { reason: "Unauthorized", message: "Unauthorized" }));
  });
  const plugin = join(folder, "give-token");
  const credential = {
    kind: "ExecCredential",
    apiVersion: "client.authentication.k8s.io/v1",
    status: { token: "t" },
  };
  writeFileSync(plugin, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
  chmodSync(plugin, 0o755);
  const user = { exec: { apiVersion: credential.apiVersion, command: "./give-token" } };
  const file = kubeconfig({ name: "c", server, user });
  const cluster = await openCluster({ environment: {}, kubeconfig: file });
  const error = await refusal(
    cluster.ask("reading pods", async ({ core }) => core.listNamespacedPod({ namespace: "x" })),
  );
  expect(error).toMatchObject({ code: "unauthenticated", reason: "cluster_unauthenticated" });
  expect(error.suggestions.join()).toContain("give-token");
  expect(JSON.stringify(error.details)).not.toContain('"t"');
  const missing = { exec: { apiVersion: credential.apiVersion, command: "af-no-such-command" } };
  const other = await openCluster({
    environment: {},
    kubeconfig: kubeconfig({ name: "c", server, user: missing }),
  });
  const login = await refusal(other.send("asking", { method: "GET", path: "/version" }));
  expect(login).toMatchObject({ code: "unauthenticated", reason: "cluster_login_failed" });
  expect(login.message).toContain("is not there");
});

test("what a cluster refuses keeps its own words, verb and causes", async () => {
  const answers: Record<string, [number, object]> = {
    "/403": [
      403,
      { reason: "Forbidden", message: 'pods is forbidden: User "u" cannot list resource "pods"' },
    ],
    "/404": [404, { reason: "NotFound", message: 'pods "a" not found' }],
    "/409": [409, { reason: "Conflict", message: "changed", details: { causes: [{ field: ".spec" }] } }],
    "/410": [410, { reason: "Expired", message: "too old" }],
    "/422": [
      422,
      { reason: "Invalid", message: "wrong", details: { causes: [{ field: "spec.x", message: "no" }] } },
    ],
    "/500": [500, { message: ".spec.imagge: field not declared in schema" }],
    "/quota": [403, { reason: "Forbidden", message: "exceeded quota: small" }],
  };
  let asked = 0;
  const server = await answering((request, response) => {
    asked++;
    const [code, more] = answers[request.url ?? ""] ?? [404, {}];
    response.writeHead(code, { "content-type": "application/json" });
    response.end(status(code, more));
  });
  const cluster = await openCluster({ environment: {}, kubeconfig: kubeconfig({ name: "c", server }) });
  const of = async (path: string): Promise<string> => {
    const { code, message } = await refusal(cluster.send("reading", { method: "GET", path }));
    return `${code}: ${message}`;
  };
  expect(await of("/403")).toContain('forbidden: reading: pods is forbidden: User "u" cannot list');
  expect(await of("/404")).toMatch(/^not_found/);
  expect(await of("/409")).toMatch(/^conflict/);
  expect(await of("/410")).toMatch(/^conflict/);
  expect(await of("/422")).toMatch(/^refused/);
  expect(await of("/quota")).toMatch(/^refused/);
  asked = 0;
  // A mistake of ours, for ever the same.
  expect(await of("/500")).toMatch(/^refused.*not declared/);
  expect(asked).toBe(1);
});

test("a server that is busy or starts, and a connection that breaks, are asked again", async () => {
  let asked = 0;
  const server = await answering((request, response) => {
    asked++;
    if (asked === 1) {
      response.writeHead(503, { "content-type": "text/plain" });
      response.end("starting");
    } else if (asked === 2) {
      response.writeHead(429, { "retry-after": "0" });
      response.end();
    } else if (asked === 3) request.socket.destroy();
    else response.end('{"gitVersion":"v1.36.2"}');
  });
  const limits = { waitMs: 1, waitMsMax: 5 };
  const cluster = await openCluster({
    environment: {},
    kubeconfig: kubeconfig({ name: "c", server }),
    limits,
  });
  const version = await cluster.send("asking for its version", { method: "GET", path: "/version" });
  expect(version).toEqual({ gitVersion: "v1.36.2" });
  expect(asked).toBe(4);
});

test("a server that says nothing does not hold us, and a signal ends what is under way", async () => {
  const server = await answering(() => undefined);
  const file = kubeconfig({ name: "c", server });
  const slow = await openCluster({
    environment: {},
    kubeconfig: file,
    limits: { requestMs: 20, firstRetryMs: 1 },
  });
  const get = { method: "GET", path: "/version" } as const;
  expect(await refusal(slow.send("asking", get))).toMatchObject({
    code: "unavailable",
    reason: "cluster_silent",
  });
  const stop = new AbortController();
  const stopped = await openCluster({ environment: {}, kubeconfig: file, signal: stop.signal });
  const work = stopped.send("asking", get);
  stop.abort();
  expect(await refusal(work)).toMatchObject({ reason: "interrupted" });
});

test("http is http however it is spelled; what is no address, and logins in one, are not shown", async () => {
  const opened = async (server: string, insecure: boolean): Promise<AgentFlowError> =>
    refusal(openCluster({ environment: {}, kubeconfig: kubeconfig({ name: "c", server, insecure }) }));
  for (const server of ["HTTP://10.0.0.1:6443", "hTtP://10.0.0.1"])
    expect(await opened(server, false)).toMatchObject({ code: "refused", reason: "cluster_without_tls" });
  for (const server of ["10.0.0.1:6443", "https://ann:hunter2@10.0.0.1", "file:///etc/passwd", "https://"]) {
    const error = await opened(server, true);
    expect(error).toMatchObject({ code: "invalid_input", reason: "kubeconfig_invalid" });
    expect(JSON.stringify([error.message, error.details, error.suggestions])).not.toContain("hunter2");
  }
});

test("a namespace of the kubeconfig that is a path to another place is refused", async () => {
  for (const namespace of ["..", ".", "kube-system/pods", "a?b", "A"]) {
    const file = kubeconfig({ name: "c", server: "http://127.0.0.1:1", namespace });
    const error = await refusal(openCluster({ environment: {}, kubeconfig: file }));
    expect(error).toMatchObject({ code: "invalid_input", reason: "kubeconfig_invalid" });
  }
});

test.each([
  ["the bare token", "eyJhbGciOi.hunter2.hunter2"],
  ["a credential without a status", '{"kind":"ExecCredential"}'],
  ["nothing of the kind", "[]"],
])("a plugin that prints %s: neither message nor cause repeat it", async (_, printed) => {
  const plugin = join(folder, "give-token");
  writeFileSync(plugin, `#!/bin/sh\nprintf '%s' '${printed}'\n`);
  chmodSync(plugin, 0o755);
  const user = { exec: { apiVersion: "client.authentication.k8s.io/v1", command: plugin } };
  const file = kubeconfig({ name: "c", server: "http://127.0.0.1:1", user });
  const cluster = await openCluster({ environment: {}, kubeconfig: file });
  const error = await refusal(cluster.send("asking", { method: "GET", path: "/version" }));
  expect(error).toMatchObject({ code: "unauthenticated", reason: "cluster_login_failed" });
  expect(error.message).toContain("what it prints is no ExecCredential");
  expect(`${error.message} ${String(error.stack)} ${String(error.cause)}`).not.toContain("eyJ");
});

test("an answer that unpacks to more than any list of ours is not read to its end", async () => {
  const bomb = gzipSync(Buffer.alloc(4 * 1_024 * 1_024));
  const server = await answering((_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" });
    response.end(bomb);
  });
  const file = kubeconfig({ name: "c", server });
  const cluster = await openCluster({ environment: {}, kubeconfig: file, limits: { bodyBytesMax: 100_000 } });
  const get = { method: "GET", path: "/version" } as const;
  expect(await refusal(cluster.send("asking", get))).toMatchObject({ reason: "cluster_answer_too_long" });
});

test("a page of something before the server, and a status without end, are told in part", async () => {
  const long = "x".repeat(1_000_000);
  const answers = [`<html>${long}`, status(400, { message: long, details: { causes: [{ message: long }] } })];
  const server = await answering((_, response) => response.writeHead(400).end(answers.shift()));
  const cluster = await openCluster({ environment: {}, kubeconfig: kubeconfig({ name: "c", server }) });
  for (let n = 0; n < 2; n++) {
    const error = await refusal(cluster.send("asking", { method: "GET", path: "/version" }));
    expect(JSON.stringify([error.message, error.details]).length).toBeLessThan(10_000);
  }
});

test("an answer that leads to another server is not followed: what was sent is not sent there", async () => {
  const heard: string[] = [];
  const other = await answering((request, response) => {
    request.on("data", (chunk: Buffer) => heard.push(chunk.toString("utf8")));
    request.on("end", () => response.end("{}"));
  });
  const server = await answering((request, response) => {
    request.resume();
    response.writeHead(307, { location: `${other}/api/v1/secrets` }).end();
  });
  const cluster = await openCluster({ environment: {}, kubeconfig: kubeconfig({ name: "c", server }) });
  const body = { apiVersion: "v1", kind: "Secret", data: { key: "hunter2" } };
  const error = await refusal(cluster.send("writing", { method: "POST", path: "/api/v1/secrets", body }));
  cluster.close();
  expect(error).toMatchObject({ code: "refused", reason: "cluster_redirects" });
  expect(heard).toEqual([]);
});

const busy = [429, 500, 502, 503, 504];
const verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
test.each(verbs)("%s: a server that is busy, fails or hands over is asked again", async (method) => {
  for (const code of busy) {
    let asked = 0;
    const bodies: string[] = [];
    const server = await answering((request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(chunk.toString("utf8")));
      request.on("end", () => {
        const said = status(code, { reason: "InternalError", message: "etcdserver: leader changed" });
        if (asked++ < 2) response.writeHead(code, { "retry-after": "0" }).end(said);
        else response.end("{}");
      });
    });
    const limits = { waitMs: 1, waitMsMax: 5, firstRetryMs: 30_000 };
    const file = kubeconfig({ name: "c", server });
    const cluster = await openCluster({ environment: {}, kubeconfig: file, limits });
    const body = method === "GET" ? {} : { body: { n: 1 } };
    expect(await cluster.send("asking", { method, path: "/x", ...body })).toEqual({});
    cluster.close();
    expect([code, asked, new Set(bodies).size]).toEqual([code, 3, method === "GET" ? 0 : 1]);
  }
});
