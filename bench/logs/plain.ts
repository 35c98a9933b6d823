/** Plain processes on a nats-server: a control plane and a worker. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createClient } from "@agentflow/sdk/client";
import { afBin } from "../embedded/dev.ts";
import { writeProject } from "../embedded/project.ts";
import { endWithUs, freePort, NODE, retry, sleep, start, stop } from "../lib/children.ts";
import { startBenchNats } from "../lib/nats-server.ts";
import type { Place, PlaceOptions } from "./place.ts";
import { sayingProject } from "./project.ts";

export async function plainPlace({ dir, slots }: PlaceOptions): Promise<Place> {
  const project = path.join(dir, "project");
  writeProject(project, sayingProject());
  const nats = await startBenchNats(dir, "2m");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const state = path.join(dir, "server");
  const startServer = (): ChildProcess => {
    const words = ["server", "--bus", nats.url, "--state", state, "--node", "server-1"];
    return start(dir, "server", NODE, [afBin, ...words, "--port", String(port)]);
  };
  const startWorker = (n: number): ChildProcess => {
    const words = ["worker", "-C", project, "--bus", nats.url, "--pool", "default", "--name", `worker-${n}`];
    // What it prints is what travels; a file of it would fill the disk.
    const child = spawn(NODE, [afBin, ...words], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, AF_WORKER__SLOTS: String(slots) },
    });
    return endWithUs(child);
  };
  let server = startServer();
  let n = 1;
  let worker = startWorker(n);
  const token = await retry(async () => readFileSync(path.join(state, "token"), "utf8").trim());
  const client = createClient({ url, token, retryForMs: 60_000 });
  await retry(async () => {
    const [first] = (await client.workers.list()).items;
    if (first === undefined) throw new Error("no worker yet");
  });
  const environment = { ...process.env, AF_URL: url, AF_TOKEN: token };
  await registered(project, environment);
  return {
    client,
    environment,
    words: ["-C", project],
    cutOff: new Map(),
    pids: () =>
      new Map([
        ["control plane", server.pid],
        ["nats-server", nats.pid],
      ]),
    /** The next one is there before the last one is told to go: it finishes what it has. */
    async replaceWorker() {
      const leaving = worker;
      worker = startWorker(++n);
      await sleep(3_000);
      await stop(leaving, "SIGTERM", 35_000);
      return "another process";
    },
    async restartServer() {
      await stop(server, "SIGKILL");
      server = startServer();
    },
    async end() {
      await stop(worker, "SIGTERM", 35_000);
      await stop(server);
      client.close();
      await nats.stop();
    },
  };
}

async function registered(project: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(NODE, [afBin, "workflow", "register", "-C", project], { env, stdio: "inherit" });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error("the workflow could not be registered");
}
