import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, openEngine } from "../src/docker/engine/open.ts";
import { openInspector } from "../src/docker/inspector.ts";
import { labels } from "../src/model/names.ts";
import { type BaseImages, baseImages, engineMissing, testEngine } from "./engine/index.ts";

const missing = await engineMissing();
const of = { project: `inspected-${process.pid}`, target: "box" };

describe.skipIf(missing !== undefined)("a worker's inspector through a real engine", () => {
  let engine: Engine;
  let images: BaseImages;
  const made: string[] = [];

  beforeAll(async () => {
    const real = await testEngine();
    images = await baseImages(real);
    engine = await openEngine({ host: real.host, verify: true, from: "the tests" });
  }, 120_000);
  afterAll(async () => {
    for (const id of made) await engine.docker.getContainer(id).remove({ force: true });
    engine.close();
  }, 60_000);

  async function worker(copy: string, file: string): Promise<void> {
    const start = `mkdir -p /tmp/runner && echo 'setInterval(() => {}, 1000)' > ${file} && exec node ${file}`;
    const created = await engine.docker.createContainer({
      Image: images.node,
      Entrypoint: ["sh", "-c", start],
      Labels: {
        [labels.project]: of.project,
        [labels.target]: of.target,
        [labels.part]: "worker-default",
        [labels.copy]: copy,
      },
    });
    made.push(created.id);
    await created.start();
  }

  test("opens on a port here and leads to the runner; refuses where there is none", async () => {
    await worker("1", "/tmp/runner/main.js");
    await worker("2", "/tmp/other.js");
    const at = { ...of, engine: engine.address, port: await freePort() };
    const open = async () => openInspector({ ...at, worker: "worker-default-1" });
    // The program in the container may not have begun yet.
    await expect
      .poll(async () => (await open()).close().then(() => "opened"), { timeout: 15_000 })
      .toBe("opened");
    const door = await open();
    expect(await evaluated(door.url, "process.argv[1]")).toBe("/tmp/runner/main.js");
    await expect(open()).rejects.toMatchObject({ code: "conflict", reason: "port_taken" });
    await door.close();
    await expect(openInspector({ ...at, worker: "worker-default-2" })).rejects.toMatchObject({
      reason: "no_inspector",
    });
    await expect(openInspector({ ...at, worker: "worker-default-3" })).rejects.toMatchObject({
      reason: "no_container",
    });
  }, 120_000);
});

/** As a debugger asks. */
async function evaluated(url: string, expression: string): Promise<unknown> {
  const socket = new WebSocket(url);
  const text = await new Promise<string>((resolve, reject) => {
    socket.onopen = () =>
      socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
    socket.onmessage = ({ data }) => resolve(String(data));
    socket.onerror = () => reject(new Error("no debugger came through"));
  });
  socket.close();
  const { result }: { result: { result: { value: unknown } } } = JSON.parse(text);
  return result.result.value;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
