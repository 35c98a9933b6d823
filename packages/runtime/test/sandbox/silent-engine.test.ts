/** Engines that fail or fall silent at one moment, played by a small server. */
import { systemWorld } from "@agentflow/host/world";
import { type RequestListener, type Server, createServer } from "node:http";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { dockerSandboxes } from "../../src/sandbox/docker.ts";
import { openEngine } from "../../src/sandbox/engine.ts";

const upgrades = new Set<Socket>();
let server: Server | undefined;
afterEach(() => {
  for (const socket of upgrades) socket.destroy();
  server?.closeAllConnections();
  server?.close();
});

async function engineAt(listener: RequestListener): Promise<string> {
  const made = createServer(listener);
  server = made;
  // It takes the question for a stream, and that is all.
  made.on("upgrade", (_request, socket: Socket) => upgrades.add(socket));
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  const address = made.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return `tcp://127.0.0.1:${address.port}`;
}

test("an engine that never gives a container's stream is given up", async () => {
  const host = await engineAt(() => undefined);
  const engine = openEngine({ host, answerMs: 50 });
  await expect(engine.attach("c1")).rejects.toMatchObject({
    reason: "sandbox_unavailable",
    message: expect.stringContaining("no answer within 0.05 s"),
  });
  engine.close();
});

test("what a predecessor left is removed once the engine is there, though it was not at first", async () => {
  const owner = "me";
  const left = [{ Id: "c1", Labels: { "dev.agentflow.sandbox.owner": owner } }];
  const removed: string[] = [];
  let asked = 0;
  const host = await engineAt(({ method, url = "" }, response) => {
    if (method === "DELETE") removed.push(url.replace(/\?.*$/, ""));
    if (method === "GET" && ++asked === 1) response.writeHead(500);
    response.end(method === "GET" ? JSON.stringify(left) : "");
  });
  const source = dockerSandboxes({
    host,
    shape: { user: "1000:1000", projectDir: "/p", entry: "/e.js", owner },
    binds: () => [],
    clock: systemWorld().clock,
  });
  await expect(source.sweep()).rejects.toThrow("the Docker engine");
  expect(await source.sweep()).toBe(1);
  expect(removed).toEqual(["/containers/c1"]);
  await source.close();
});
