/** Runners that start behind a proxy send what they fetch through it, but for what is named as near. */
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { connect } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runnerEnvironment } from "../../src/index.ts";

const run = promisify(execFile);
const asked: string[] = [];
const target = createServer((_, response) => response.end("hello"));
const proxy = createServer((request, response) => {
  asked.push(request.url ?? "");
  response.end("from the proxy");
});
proxy.on("connect", (request, socket) => {
  asked.push(request.url ?? "");
  const through = connect(portOf(target), "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    through.pipe(socket).pipe(through);
  });
  through.on("error", () => socket.destroy());
  socket.on("error", () => through.destroy());
});

function portOf(server: typeof proxy): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

beforeAll(async () => {
  for (const server of [target, proxy]) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
});
afterAll(async () => {
  for (const server of [target, proxy]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function fetched(url: string): Promise<string> {
  const given = {
    PATH: process.env["PATH"],
    HTTP_PROXY: `http://127.0.0.1:${portOf(proxy)}`,
    NO_PROXY: "127.0.0.1",
  };
  const env = runnerEnvironment(given, () => false);
  const script = `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((t) => process.stdout.write(t))`;
  return (await run(process.execPath, ["-e", script], { env })).stdout;
}

test("a model elsewhere is asked through the proxy", async () => {
  expect(await fetched("http://models.example/v1")).not.toBe("");
  expect(asked.join(" ")).toContain("models.example");
});

test("what NO_PROXY names is asked directly", async () => {
  const before = asked.length;
  expect(await fetched(`http://127.0.0.1:${portOf(target)}/`)).toBe("hello");
  expect(asked.length).toBe(before);
});

test("without a proxy nothing is switched on", () => {
  expect(runnerEnvironment({ PATH: "/bin" }, () => false)).toEqual({ PATH: "/bin" });
});
