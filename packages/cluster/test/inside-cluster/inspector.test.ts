/** Shown against the test API server, whose pods are containers of a real engine. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClusterInspector } from "../../src/kubernetes/inside/inspector.ts";
import { baseImages, engineMissing, testEngine } from "../engine/index.ts";
import { freePort, type Played, playRelease, release } from "./release.ts";

const missing = await engineMissing();

/**
 * A kubelet forwards to what listens on a pod's loopback, as inspectors do; the test cluster to the pod's
 * address. So the pod itself leads from there to its loopback.
 */
const lead = `
const { createServer, connect } = require("net");
const [{ address }] = Object.values(require("os").networkInterfaces()).flat().filter((one) => !one.internal);
createServer((from) => {
  const to = connect(9229, "127.0.0.1");
  for (const one of [from, to]) one.on("error", () => one.destroy());
  from.pipe(to).pipe(from);
}).listen(9229, address);`;

describe.skipIf(missing !== undefined)(`a worker's inspector in a cluster ${missing ?? ""}`, () => {
  let played: Played;
  let image = "";

  beforeAll(async () => {
    const engine = await testEngine();
    image = (await baseImages(engine)).node;
    played = await playRelease({ pods: { engine: engine.docker, name: `kctx-inspector-${process.pid}` } });
  }, 120_000);
  afterAll(() => played.stop(), 60_000);

  async function worker(name: string, file: string): Promise<string> {
    const start = `mkdir -p /tmp/runner && echo 'setInterval(() => {}, 1000)' > ${file} && node ${file} &
exec node -e '${lead.replaceAll("'", '"')}'`;
    const full = `${release}-worker-${name}`;
    const labels = { "agentflow.dev/pool": "default" };
    await played.pod({ name: full, part: "worker-default", image, labels, command: ["sh", "-c", start] });
    await played.until(full, (state) => state === "ready");
    return full;
  }

  test("opens on a port here and leads to the runner; refuses where there is none", async () => {
    const one = await worker("one", "/tmp/runner/main.js");
    const two = await worker("two", "/tmp/other.js");
    const port = await freePort();
    const open = async (name: string) =>
      openClusterInspector({ ...(await played.open()), worker: name, port });
    // The program in the pod may not have begun yet.
    await expect
      .poll(async () => (await open(one)).close().then(() => "opened"), { timeout: 15_000 })
      .toBe("opened");
    const door = await open(one);
    expect(await evaluated(door.url, "process.argv[1]")).toBe("/tmp/runner/main.js");
    await expect(open(one)).rejects.toMatchObject({ code: "conflict", reason: "port_taken" });
    await door.close();
    await expect(open(two)).rejects.toMatchObject({ reason: "no_inspector" });
    await expect(open("three")).rejects.toMatchObject({ code: "not_found", reason: "no_container" });
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
