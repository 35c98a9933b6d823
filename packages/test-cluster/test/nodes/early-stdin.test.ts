/** What a client sends as soon as it is let in, while its program is still being started. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startTestCluster, type TestCluster } from "../../src/cluster.ts";
import type { Execution, Nodes } from "../../src/pods.ts";
import { podDoors } from "../../src/streams/doors.ts";

let cluster: TestCluster;

/** Takes a while to start a program, which says back what it is told. */
const slow: Nodes = {
  logs: () => {
    throw new Error("no logs here");
  },
  connect: () => Promise.reject(new Error("no ports here")),
  async exec(): Promise<Execution> {
    await sleep(100);
    const heard: Buffer[] = [];
    const { promise: ended, resolve } = Promise.withResolvers<{ exitCode: number }>();
    let tell: (stream: "stdout" | "stderr", chunk: Buffer) => void = () => undefined;
    return {
      stdin: {
        write: (chunk) => void heard.push(chunk),
        end: () => {
          tell("stdout", Buffer.concat(heard));
          resolve({ exitCode: 0 });
        },
      },
      onOutput: (listener) => void (tell = listener),
      ended,
      kill: () => resolve({ exitCode: 137 }),
    };
  },
};

beforeAll(async () => {
  cluster = await startTestCluster({ plain: true, pods: "none" });
  const spec = { containers: [{ name: "main", image: "bb:1" }], nodeName: "node1" };
  cluster.store.put(
    { resource: "pods", namespace: "default", name: "slow" },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "slow", namespace: "default" },
      spec,
      status: { phase: "Running", containerStatuses: [{ name: "main", state: { running: {} } }] },
    },
  );
  cluster.openPods(podDoors(slow));
});
afterAll(() => cluster.stop());

test("stdin that comes before the program is started is the program's", async () => {
  const path = "/api/v1/namespaces/default/pods/slow/exec?command=cat&stdin=true&stdout=true";
  const socket = new WebSocket(`${cluster.server.replace("http", "ws")}${path}`, "v5.channel.k8s.io", {
    headers: { authorization: `Bearer ${cluster.adminToken}` },
  });
  const output: string[] = [];
  socket.on("message", (data: Buffer) => {
    if (data[0] === 1) output.push(data.toString("utf8", 1));
  });
  await once(socket, "open");
  socket.send(Buffer.concat([Buffer.of(0), Buffer.from("early")]));
  socket.send(Buffer.of(255, 0));
  await once(socket, "close");
  expect(output.join("")).toBe("early");
});
