import http from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Door } from "../src/door/index.ts";
import { type Engine, openEngine } from "../src/docker/engine/open.ts";
import { openDoor } from "../src/docker/forward.ts";
import { labels } from "../src/model/names.ts";
import { type BaseImages, baseImages, engineMissing, testEngine } from "./engine/index.ts";

const missing = await engineMissing();
const project = `door-${process.pid}`;
const within = { timeout: 15_000 };

/** Says who it is, sends back what it gets, streams, and speaks another protocol when asked. */
const api = `
const server = require("http").createServer((q, a) => {
  if (q.url === "/echo") return q.pipe(a);
  if (q.url === "/stream") { a.write("one\\n"); q.socket.once("close", () => a.end()); return; }
  a.end(process.env.WHO + " " + q.headers.host);
});
server.on("upgrade", (q, s) => {
  const lines = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: shout", "", ""];
  s.write(lines.join("\\r\\n"));
  s.on("data", (b) => s.write(String(b).toUpperCase()));
});
server.listen(4180);`;

describe.skipIf(missing !== undefined)("a door through a real engine", () => {
  let engine: Engine;
  let images: BaseImages;
  let door: Door | undefined;
  const made: string[] = [];

  beforeAll(async () => {
    const real = await testEngine();
    images = await baseImages(real);
    engine = await openEngine({ host: real.host, verify: true, from: "the tests" });
  }, 120_000);
  afterEach(async () => {
    await door?.close();
    door = undefined;
    for (const id of made.splice(0)) await engine.docker.getContainer(id).remove({ force: true });
  });
  afterAll(() => engine.close());

  async function controlPlane(copy: string): Promise<string> {
    const created = await engine.docker.createContainer({
      Image: images.node,
      Entrypoint: ["node", "-e", api],
      Env: [`WHO=copy-${copy}`],
      Labels: {
        [labels.project]: project,
        [labels.target]: "box",
        [labels.part]: "control-plane",
        [labels.copy]: copy,
      },
      ExposedPorts: { "4180/tcp": {} },
    });
    made.push(created.id);
    await created.start();
    return created.id;
  }

  const open = (): Promise<Door> => openDoor({ engine: engine.address, project, target: "box" });
  const ask = async (path = "/", init: RequestInit = {}): Promise<string> =>
    (await fetch(`${door?.url}${path}`, init)).text();

  test("requests, bodies, streams and upgrades go through, under the API's own name", async () => {
    await controlPlane("1");
    door = await open();
    await expect.poll(() => ask().catch(() => ""), within).toBe("copy-1 127.0.0.1:4180");
    const big = "0123456789".repeat(200_000);
    expect(await ask("/echo", { method: "POST", body: big })).toBe(big);
    const stream = await fetch(`${door.url}/stream`);
    const reader = stream.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("one\n");
    await reader?.cancel();
    expect(await shouted(door, "hello")).toBe("HELLO");
  }, 60_000);

  test("a page that gives this machine another name is held off", async () => {
    await controlPlane("1");
    door = await open();
    await expect.poll(() => ask().catch(() => ""), within).toContain("copy-1");
    expect(await statusFor(door, "evil.example")).toBe(403);
    expect(await statusFor(door, new URL(door.url).host)).toBe(200);
  }, 60_000);

  test("it leads to the copy that takes a lost one's place, and nowhere once it is closed", async () => {
    await expect(open()).rejects.toMatchObject({ code: "unavailable", reason: "not_up" });
    const first = await controlPlane("1");
    door = await open();
    await expect.poll(() => ask().catch(() => ""), within).toContain("copy-1");
    await controlPlane("2");
    await engine.docker.getContainer(first).stop({ t: 0 });
    await expect.poll(() => ask().catch(() => ""), within).toContain("copy-2");
    await door.close();
    await expect(ask()).rejects.toThrow("fetch failed");
    // Its relays are gone too: only the server itself runs there.
    const running = async (): Promise<number> =>
      (await engine.docker.getContainer(made[1] ?? "").top()).Processes.length;
    await expect.poll(running, within).toBe(1);
  }, 60_000);
});

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
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: shout\r\n\r\n`);
    socket.on("data", (bytes) => {
      const isFirst = said === "";
      said += bytes.toString();
      if (isFirst) socket.write(text);
      const [, after = ""] = said.split("\r\n\r\n");
      if (after.length >= text.length) {
        socket.destroy();
        resolve(after);
      }
    });
    socket.on("error", reject);
  });
}
