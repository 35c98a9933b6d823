/**
 * What kubectl 1.36 and the client of Node sent to a real server, sent to ours as it was recorded, one story:
 * the status, the type of the answer, what a way into a pod is opened with and what it then gives.
 */
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { startTestCluster, type TestCluster } from "../../src/index.ts";
import { textAt } from "../../src/json.ts";
import type { Json } from "../../src/object.ts";
import { filesOf } from "./tally.ts";
import { parseRecording, type Request } from "./parse-clients.ts";

const folder = "16-clients";
const fixtures = join(import.meta.dirname, "../../fixtures/transcripts", folder);
const recordings = new Map(
  filesOf(folder).map((file) => [file, parseRecording(readFileSync(join(fixtures, file), "utf8"))]),
);
const demo = "/api/v1/namespaces/af-demo";

describe("requests of clients", () => {
  let cluster: TestCluster;
  /** What another run calls otherwise: as recorded, and as it is here. */
  const names = new Map<string, string>();
  let modified = "";

  beforeAll(async () => {
    cluster = await startTestCluster({ plain: true, pods: "processes", pace: 10 });
    const metadata = { name: "af-demo" };
    await ask("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
    await ask("POST", `${demo}/pods`, pod("kshell"));
    // It was there before a client applied it again.
    const body = recordings.get("17-client-node-object-apply.json")?.requests[1]?.body ?? null;
    const cn = "/apis/apps/v1/namespaces/af-demo/deployments/cn?fieldManager=agentflow";
    await ask("PATCH", cn, body, "application/apply-patch+yaml");
    await ask("POST", `${demo}/configmaps`, { metadata: { name: "cncm" }, data: { a: "1" } });
    await vi.waitFor(() => expect(running()).toHaveLength(2), { timeout: 30_000 });
    names.set("cn-7b6856cbb8-4ctz2", running().find((name) => name.startsWith("cn-")) ?? "");
  });
  afterAll(async () => cluster.stop());

  const running = () =>
    cluster.store
      .list("pods", "af-demo")
      .filter((one) => textAt(one["status"], "phase") === "Running")
      .map((one) => one.metadata.name);

  const headers = { authorization: "" };
  async function ask(method: string, path: string, body: Json, type = "application/json"): Promise<void> {
    headers.authorization = `Bearer ${cluster.adminToken}`;
    const own = { ...headers, "content-type": type };
    const answer = await fetch(cluster.server + path, { method, headers: own, body: JSON.stringify(body) });
    expect(answer.ok, await answer.text()).toBe(true);
  }

  function urlOf({ url }: Request): string {
    let made = url;
    for (const [there, here] of names) made = made.replaceAll(there, here);
    return new URL(made, cluster.server).href;
  }

  async function told(request: Request): Promise<object> {
    if (request.status === 101) return upgraded(request, urlOf(request));
    const { "accept-encoding": _, connection: _c, ...sent } = request.headers;
    // It asks for what it has kept, which was not recorded.
    const known: Record<string, string> = request.status === 304 ? { "if-modified-since": modified } : {};
    const over = new AbortController();
    const answer = await fetch(urlOf(request), {
      method: request.method,
      headers: { ...sent, ...known, ...headers },
      signal: over.signal,
      ...(request.body === undefined ? {} : { body: bodyOf(request) }),
    });
    const type = answer.headers.get("content-type") ?? undefined;
    if (request.url.startsWith("/openapi/v3?")) {
      modified = answer.headers.get("last-modified") ?? modified;
    }
    await learn(request, answer, over);
    return { status: answer.status, type };
  }

  /** What the next requests name: the version of a list, and under which sum a schema lies. */
  async function learn(request: Request, answer: Response, over: AbortController): Promise<void> {
    if (/[?&](watch|follow|sendInitialEvents)=true/.test(request.url)) return over.abort();
    const text = await answer.text();
    if (request.url.startsWith(`${demo}/pods?limit`)) {
      names.set(
        "resourceVersion=2831",
        `resourceVersion=${/"resourceVersion":"(\d+)"/.exec(text)?.[1] ?? ""}`,
      );
    }
    if (!request.url.startsWith("/openapi/v3?") || text === "") return;
    for (const { url } of [...recordings.values()].flatMap(({ requests }) => requests)) {
      const [, path = "", hash = ""] = /^(\/openapi\/v3\/[^?]+)\?hash=([0-9A-F]+)/.exec(url) ?? [];
      const here = new RegExp(`"${path}\\?hash=([0-9A-F]+)`).exec(text)?.[1];
      if (hash !== "" && here !== undefined) names.set(hash, here);
    }
  }

  async function upgraded(request: Request, url: string): Promise<object> {
    if (request.parts === undefined) return opened(request, url);
    const socket = new WebSocket(url.replace(/^http/, "ws"), [...request.protocols], { headers });
    const parts = new Map<number, string>();
    socket.on("message", (message: Buffer) => {
      const channel = message[0] ?? 0;
      parts.set(channel, (parts.get(channel) ?? "") + message.toString("utf8", 1));
    });
    await new Promise((done, failed) => socket.once("close", done).once("error", failed));
    const recorded = new Map(request.parts);
    const compared = [...parts].map(([channel, text]) => {
      const end = request.isCut ? recorded.get(channel)?.length : undefined;
      return [channel, text.slice(0, end)] as const;
    });
    return { status: 101, protocol: socket.protocol, parts: compared.sort(([one], [other]) => one - other) };
  }

  /** Whose name no client of WebSockets takes: what then goes through is shown by kubectl itself. */
  async function opened(request: Request, url: string): Promise<object> {
    const key = Buffer.alloc(16, 7).toString("base64");
    const sent = get(url, { headers: { ...request.headers, ...headers, "sec-websocket-key": key } });
    const answer = await new Promise<IncomingMessage>((done, failed) => {
      const refused = ({ statusCode }: IncomingMessage) => failed(new Error(`answered ${statusCode}`));
      sent.once("upgrade", (response: IncomingMessage) => done(response));
      sent.once("response", refused).once("error", failed);
    });
    answer.socket.destroy();
    return { status: answer.statusCode, protocol: answer.headers["sec-websocket-protocol"] };
  }

  test.each(filesOf(folder))("%s", async (file) => {
    const { requests } = recordings.get(file) ?? { requests: [] };
    expect(requests.length).toBeGreaterThan(0);
    for (const request of requests) {
      expect(await told(request), `${request.method} ${request.url}`).toEqual(wanted(request));
    }
  });
});

/** A server may answer in JSON what it is asked for in protobuf or JSON: ours does. */
function wanted({ status, type, protocol, parts }: Request): object {
  if (status === 101) return { status, protocol, ...(parts === undefined ? {} : { parts }) };
  return { status, type: type === "application/vnd.kubernetes.protobuf" ? "application/json" : type };
}

function bodyOf({ body, headers }: Request): string | Buffer {
  if (headers["content-type"] !== "application/vnd.kubernetes.protobuf") return JSON.stringify(body);
  // Of this one body only what it is was recorded.
  const field = (number: number, value: Buffer) =>
    Buffer.concat([Buffer.of(number * 8 + 2, value.length), value]);
  const text = (number: number, value: string) => field(number, Buffer.from(value));
  const type = Buffer.concat([text(1, "authorization.k8s.io/v1"), text(2, "SelfSubjectAccessReview")]);
  const asked = Buffer.concat([
    text(1, "default"),
    text(2, "create"),
    text(3, "apps"),
    text(5, "deployments"),
  ]);
  const review = field(2, field(1, asked));
  return Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, review)]);
}

const containers = [
  { name: "main", image: "bbsh:1", command: ["/bin/sh", "-c", "echo ready; while true; do sleep 0.1; done"] },
];

function pod(name: string) {
  const spec = { terminationGracePeriodSeconds: 0, containers };
  return { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
}
