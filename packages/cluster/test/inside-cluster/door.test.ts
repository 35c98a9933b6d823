/** Shown against the test API server, whose pods are programs of this host. */
import http from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Door } from "../../src/door/index.ts";
import { clusterToken } from "../../src/kubernetes/inside/place.ts";
import { openClusterDoor } from "../../src/kubernetes/inside/forward.ts";
import { freePort, namespace, type Played, playRelease, release } from "./release.ts";

const within = { timeout: 15_000 };

/** Says who it is, sends back what it gets, streams, and speaks another protocol when asked. */
const api = `
const [who, port] = process.argv.slice(1);
const server = require("http").createServer((q, a) => {
  if (q.url === "/echo") return q.pipe(a);
  if (q.url === "/stream") { a.write("one\\n"); q.socket.once("close", () => a.end()); return; }
  a.end(who + " " + q.headers.host);
});
server.on("upgrade", (q, s) => {
  const lines = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: shout", "", ""];
  s.write(lines.join("\\r\\n"));
  s.on("data", (b) => s.write(String(b).toUpperCase()));
});
process.on("SIGTERM", () => process.exit(0));
server.listen(Number(port), "127.0.0.1");`;

describe("a door into a cluster", () => {
  let played: Played;
  let door: Door | undefined;
  const made: string[] = [];

  beforeAll(async () => {
    played = await playRelease();
  }, 60_000);
  afterEach(async () => {
    await door?.close();
    door = undefined;
    for (const name of made.splice(0)) {
      await played.remove(name).catch(() => undefined);
      await played.until(name, (state) => state === "gone");
    }
  });
  afterAll(() => played.stop());

  async function controlPlane(who: string): Promise<string> {
    const name = `${release}-control-plane-${who}`;
    const port = await freePort();
    const command = [process.execPath, "-e", api, who, String(port)];
    await played.pod({ name, part: "control-plane", command, port });
    made.push(name);
    await played.until(name, (state) => state === "ready");
    return name;
  }
  const open = async (): Promise<Door> => openClusterDoor(await played.open());
  const ask = async (path = "/", init: RequestInit = {}): Promise<string> =>
    (await fetch(`${door?.url}${path}`, init)).text();

  test("requests, bodies, streams and upgrades go through, under the API's own name", async () => {
    await controlPlane("a");
    door = await open();
    expect(await ask()).toMatch(/^a 127\.0\.0\.1:\d+$/);
    const big = "0123456789".repeat(200_000);
    expect(await ask("/echo", { method: "POST", body: big })).toBe(big);
    const stream = await fetch(`${door.url}/stream`);
    const reader = stream.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("one\n");
    await reader?.cancel();
    expect(await shouted(door, "hello")).toBe("HELLO");
  }, 60_000);

  test("a page that gives this machine another name is held off", async () => {
    await controlPlane("a");
    door = await open();
    expect(await statusFor(door, "evil.example")).toBe(403);
    expect(await statusFor(door, new URL(door.url).host)).toBe(200);
  }, 60_000);

  test("it leads to the pod that takes a lost one's place, and nowhere once it is closed", async () => {
    const first = await controlPlane("a");
    door = await open();
    expect(await ask()).toContain("a ");
    await controlPlane("b");
    await played.remove(first);
    await expect.poll(() => ask().catch(() => ""), within).toContain("b ");
    await door.close();
    await expect(ask()).rejects.toThrow("fetch failed");
  }, 60_000);

  test("connections that the API server cuts are opened anew, and nobody is given a cut one", async () => {
    await controlPlane("a");
    door = await open();
    expect(await ask()).toContain("a ");
    played.test.faults.cut();
    // Idle ones are known to be gone before anybody is given one.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await ask()).toContain("a ");
  }, 60_000);

  test("without a pod that is ready it says which there are and what they do", async () => {
    await expect(open()).rejects.toMatchObject({ code: "unavailable", reason: "not_up" });
    const name = `${release}-control-plane-ill`;
    made.push(name);
    await played.pod({ name, part: "control-plane", command: ["x"], image: "registry.invalid/none:1" });
    const seen = async (): Promise<string> =>
      open().then(
        () => "",
        (error: unknown) => String(error),
      );
    await expect.poll(seen, within).toContain(`${name} is ImagePullBackOff`);
    await expect(open()).rejects.toMatchObject({ code: "unavailable", reason: "not_ready" });
  }, 60_000);

  test("who may not forward is told which right is missing", async () => {
    await controlPlane("a");
    const eve = played.test.userKubeconfig("eve");
    await allow(played, "eve", [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }]);
    await expect(openClusterDoor(await played.open(eve.kubeconfig))).rejects.toMatchObject({
      code: "forbidden",
      details: { needs: "create and get of pods/portforward" },
    });
  }, 60_000);

  test("the token comes from the Secret of the installation, and its lack is told", async () => {
    await expect(clusterToken(await played.open())).rejects.toMatchObject({ reason: "no_token" });
    await played.cluster.core.createNamespacedSecret({
      namespace,
      body: {
        metadata: { name: `${release}-keys-register` },
        data: { token: Buffer.from("t0ken-of-the-release\n").toString("base64") },
      },
    });
    expect(await clusterToken(await played.open())).toBe("t0ken-of-the-release");
    await allow(played, "mallory", [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }]);
    const mallory = played.test.userKubeconfig("mallory");
    await expect(clusterToken(await played.open(mallory.kubeconfig))).rejects.toMatchObject({
      code: "forbidden",
      reason: "token_forbidden",
    });
  }, 60_000);
});

interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

async function allow({ cluster }: Played, user: string, rules: Rule[]): Promise<void> {
  const { RbacAuthorizationV1Api } = await import("@kubernetes/client-node");
  const rbac = cluster.config.makeApiClient(RbacAuthorizationV1Api);
  const apiGroup = "rbac.authorization.k8s.io";
  const metadata = { name: `for-${user}`, namespace };
  await rbac.createNamespacedRole({ namespace, body: { metadata, rules } });
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata,
      roleRef: { apiGroup, kind: "Role", name: metadata.name },
      subjects: [{ kind: "User", apiGroup, name: user }],
    },
  });
}

function statusFor(door: Door, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.get(door.url, { headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    request.on("error", reject);
  });
}

function shouted(door: Door, text: string): Promise<string> {
  const { port, host } = new URL(door.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    let said = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      said += chunk.toString();
      const [head, body = ""] = said.split("\r\n\r\n");
      if (head?.startsWith("HTTP/1.1 101") && body === "") socket.write(text);
      if (body !== "") {
        resolve(body);
        socket.destroy();
      }
    });
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: shout\r\n\r\n`);
  });
}
