/** The way out of a sandbox that is allowed one: to the hosts of its list, and nowhere else. */
import { engineMissing } from "@agentflow/cluster/test-engine";
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LinkToSandbox } from "../../src/channel/link-messages.ts";
import { EgressDoor, egressLimits } from "../../src/sandbox/egress.ts";
import { sandboxed, workerImage } from "./kit.ts";

const missing = await engineMissing();
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  let body = "";
  request.on("data", (chunk) => (body += String(chunk)));
  request.on("end", () => response.end(request.url === "/big" ? "x".repeat(3_000_000) : `hello ${body}`));
});
let port = 0;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => server.close());

const body = `
  const http = await import("node:http");
  const get = async (url, init) => {
    try {
      const answer = await fetch(url, init);
      const text = await answer.text();
      return answer.status + " " + (text.length > 200 ? text.length : text);
    } catch (error) { return "error " + (error.cause?.message ?? error.message); }
  };
  const tunnel = (target) => new Promise((resolve) => {
    const asked = http.request({ host: "127.0.0.1", port: 3128, method: "CONNECT", path: target });
    asked.on("connect", (answer, socket) => {
      if (answer.statusCode !== 200) return resolve(answer.statusCode + " " + answer.statusMessage);
      socket.end("GET /tunnel HTTP/1.0\\r\\n\\r\\n");
      let text = "";
      socket.on("data", (chunk) => { text += chunk; });
      socket.on("end", () => resolve("200 " + text.split("\\r\\n\\r\\n")[1]));
    });
    asked.on("error", (error) => resolve("error " + error.code)); asked.end();
  });
  const raw = (host, port) => new Promise((resolve) => {
    const socket = net.connect(port, host, () => resolve("open"));
    socket.on("error", (error) => resolve(error.code));
  });
  const own = "127.0.0.1:" + input.port;
  return {
    get: await get("http://" + own + "/get"),
    post: await get("http://" + own + "/post", { method: "POST", body: "you" }),
    big: await get("http://" + own + "/big"),
    tunnel: await tunnel(own),
    name: await get("http://localhost:" + input.port + "/name"),
    port: await tunnel("127.0.0.1:22"),
    metadata: await get("http://169.254.169.254/latest"),
    raw: await raw("127.0.0.1", input.port),
    interfaces: Object.keys(os.networkInterfaces()).join(),
  };`;

test.skipIf(missing !== undefined)(
  `hosts of the list are reached through the worker, others are refused and told ${missing ?? ""}`,
  async () => {
    const network = [`127.0.0.1:${port}`, `localhost:${port}`];
    const box = await sandboxed({
      image: await workerImage(),
      body,
      sandbox: { network },
      policy: { network },
    });
    const running = await box.start({ input: { port } });
    const end = await running.end;
    await box.close();
    expect(running.sandbox).toMatchObject({ network });
    expect(end).toMatchObject({
      kind: "output",
      output: {
        get: "200 hello ",
        post: "200 hello you",
        big: "200 3000000",
        tunnel: "200 hello ",
        name: expect.stringMatching(/^error/),
        port: expect.stringMatching(/^403 127\.0\.0\.1:22 is not allowed/),
        metadata: expect.stringMatching(/^error/),
        raw: "ECONNREFUSED",
        interfaces: "lo",
      },
    });
    expect(asked).toEqual(["GET /get", "POST /post", "GET /big", "GET /tunnel"]);
    const told = box.told.map((record) => (record.kind === "log" ? record.message : ""));
    expect(told.filter((text) => text.startsWith("egress denied"))).toEqual([
      expect.stringMatching(/localhost leads to (127\.0\.0\.1|::1), which no sandbox may reach/),
      expect.stringContaining("127.0.0.1:22 is not allowed"),
      expect.stringContaining("169.254.169.254:80 is not allowed"),
    ]);
  },
  120_000,
);

test("more connections than may be are refused, and all end with the call", async () => {
  const said: LinkToSandbox[] = [];
  const host = `127.0.0.1:${port}`;
  const door = new EgressDoor({
    allowed: [host],
    say: (message) => void said.push(message),
    waiting: () => 0,
    room: () => Promise.resolve(),
    denied: () => {},
  });
  for (let link = 1; link <= egressLimits.linksMax + 5; link++)
    door.receive(["dial", link, "127.0.0.1", port]);
  await expect.poll(() => said.length).toBe(egressLimits.linksMax + 5);
  expect(said.filter(([kind]) => kind === "hung").map((message) => message[2])).toEqual(
    Array(5).fill("too many connections"),
  );
  door.close();
  await expect
    .poll(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))))
    .toBe(0);
});

test.each([
  "127.0.0.1:80",
  "EXAMPLE.com:443",
  "example.com.:443",
  "example.com:80",
  "user@example.com:443",
  "[::1]:443",
])("%s is not example.com:443", async (target) => {
  const said: LinkToSandbox[] = [];
  const denied: string[] = [];
  const at = target.lastIndexOf(":");
  const door = new EgressDoor({
    allowed: ["example.com:444"],
    say: (message) => void said.push(message),
    waiting: () => 0,
    room: () => Promise.resolve(),
    denied: (host) => void denied.push(host),
  });
  door.receive(["dial", 1, target.slice(0, at), Number(target.slice(at + 1))]);
  expect(said).toMatchObject([["hung", 1, expect.stringContaining("is not allowed")]]);
  expect(denied.length).toBe(1);
});
