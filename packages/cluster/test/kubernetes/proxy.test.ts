/** A cluster behind a proxy, as `proxy-url` of the kubeconfig says: against the API server for tests. */
import { startTestCluster } from "@agentflow/test-cluster";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { openCluster } from "../../src/kubernetes/client/index.ts";

test("every request goes through the proxy, by TLS from end to end", async () => {
  const server = await startTestCluster();
  const asked: string[] = [];
  const sockets: Socket[] = [];
  const proxy = createServer().on("connect", (request, socket: Socket) => {
    asked.push(request.url ?? "");
    const [host = "", port = ""] = (request.url ?? "").split(":");
    const onwards = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(onwards).pipe(socket);
    });
    sockets.push(socket, onwards);
    for (const one of [socket, onwards]) one.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const port = typeof address === "object" ? address?.port : 0;
  const folder = mkdtempSync(join(tmpdir(), "af-proxy-"));
  const config = parse(readFileSync(server.kubeconfig, "utf8"));
  config.clusters[0].cluster["proxy-url"] = `http://127.0.0.1:${port}`;
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, stringify(config));
  const cluster = await openCluster({ environment: {}, kubeconfig });
  for (let n = 0; n < 3; n++) {
    const version = await cluster.send("asking", { method: "GET", path: "/version" });
    expect(version).toMatchObject({ major: "1" });
  }
  cluster.close();
  expect(new Set(asked)).toEqual(new Set([new URL(server.server).host]));
  for (const socket of sockets) socket.destroy();
  proxy.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
