/** The parts as plain services on a real nats-server, and `af dev` on one. */
import { findNatsServer, type NatsServer, natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { type Client, createClient } from "@agentflow/sdk/client";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { processesIn } from "./processes.ts";
import { type Scratch, oneTool } from "./scratch.ts";
import { Service } from "./service-process.ts";

const missing = await natsServerMissing();
const { project, start } = openedHere();
const open: { end(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.end();
});

function keep<T extends { end(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

async function nats(): Promise<NatsServer> {
  const server = await startNatsServer();
  open.push({ end: () => server.close() });
  return server;
}

const server = (scratch: Scratch, bus: string): Service =>
  keep(new Service(["server", "--bus", bus, "--state", "server", "--port", "0"], scratch.dir));

const worker = (scratch: Scratch, bus: string, ...more: string[]): Service =>
  keep(new Service(["worker", "--bus", bus, ...more], scratch.dir));

async function clientOf(scratch: Scratch, of: Service): Promise<Client> {
  const { url } = await of.said("ready");
  const token = readFileSync(path.join(scratch.dir, "server/token"), "utf8").trim();
  const client = createClient({ url: String(url), token });
  open.push({ end: async () => client.close() });
  return client;
}

async function register(scratch: Scratch, of: Service): Promise<void> {
  const { url } = await of.said("ready");
  const token = readFileSync(path.join(scratch.dir, "server/token"), "utf8").trim();
  const ran = await runAf(["workflow", "register", "--url", String(url)], {
    cwd: scratch.dir,
    environment: { AF_TOKEN: token },
  });
  expect({ code: ran.code, stdout: ran.stdout }).toMatchObject({ code: 0, stdout: /✓ one/ });
}

describe.skipIf(missing !== undefined)("services on NATS", () => {
  test("a server and a worker run what was registered; SIGTERM lets the step in flight end", async () => {
    const bus = await nats();
    const scratch = project(oneTool("await new Promise((r) => setTimeout(r, n)); return n;"));
    const control = server(scratch, bus.url);
    const hands = worker(scratch, bus.url, "--health-port", "0");
    const client = await clientOf(scratch, control);
    const { health } = await hands.said("ready");
    await hands.said("code loaded");
    await register(scratch, control);
    const done = await client.runs.startAndWait("one", { n: 1 });
    expect(done).toMatchObject({ status: "completed", output: { value: 1 } });
    await until("it says that it is ready", async () => (await fetch(`${String(health)}/readyz`)).ok);
    const { run } = await client.runs.start("one", { n: 600 });
    await until("the step runs", async () => (await client.workers.list()).items[0]?.busy.length === 1);
    hands.signal("SIGTERM");
    expect(await hands.exited).toBe(0);
    expect(await client.runs.get(run)).toMatchObject({ status: "completed", output: { value: 600 } });
    control.signal("SIGTERM");
    expect(await control.exited).toBe(0);
  });

  test("services that start before their bus wait for it, and outlive its restart", async () => {
    const bus = await nats();
    await bus.end("SIGTERM");
    const scratch = project(oneTool("return n;"));
    const control = server(scratch, bus.url);
    const hands = worker(scratch, bus.url);
    await control.said("the bus is not there yet; trying again");
    await hands.said("the bus is not there yet; trying again");
    await bus.start("kept");
    const client = await clientOf(scratch, control);
    await hands.said("code loaded");
    await register(scratch, control);
    expect(await client.runs.startAndWait("one", { n: 1 })).toMatchObject({ status: "completed" });
    await bus.end("SIGKILL");
    await bus.start("kept");
    expect(await client.runs.startAndWait("one", { n: 2 })).toMatchObject({ output: { value: 2 } });
  });

  test("what the services cannot do they say in a line, and end", async () => {
    const bus = await nats();
    const scratch = project(oneTool("return n;"));
    await server(scratch, bus.url).said("ready");
    const other = keep(
      new Service(
        ["server", "--bus", bus.url, "--state", "other", "--port", "0", "--logs", "4"],
        scratch.dir,
      ),
    );
    await other.said("the server could not start");
    expect(await other.exited).toBe(1);
    const wrong = await runAf(["worker", "--slots", "2", "--config", "nowhere.yaml"], { cwd: scratch.dir });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no settings file nowhere.yaml"),
    });
  });

  test("af dev --bus nats starts a server of its own, keeps its runs and leaves nothing behind", async () => {
    const scratch = project(oneTool("return n;"));
    const environment = { AF_NATS_SERVER: await findNatsServer() };
    const options = { args: ["--bus", "nats"], environment };
    const first = start(scratch, options);
    await first.ready;
    const { run } = await first.client().runs.startAndWait("one", { n: 3 });
    process.kill(first.pid, "SIGKILL");
    await first.exited;
    await until("nothing of it is left", () => processesIn(scratch.dir).length === 0);
    const second = start(scratch, options);
    await second.ready;
    const kept = await second.client().runs.get(run);
    expect(kept).toMatchObject({ status: "completed", output: { value: 3 } });
  });

  test("af dev --bus nats without a server says how to get one", async () => {
    const scratch = project(oneTool("return n;"));
    const environment = { AF_NATS_SERVER: path.join(scratch.dir, "none") };
    const ran = await runAf(["dev", "--bus", "nats"], { cwd: scratch.dir, environment });
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining("no_nats_server") });
  });
});
