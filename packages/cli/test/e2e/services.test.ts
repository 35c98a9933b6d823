/** The parts as plain services on a real nats-server, and `af dev` on one. */
import { findNatsServer, natsServerMissing } from "@agentflow/bus/servers";
import type { Client } from "@agentflow/sdk/client";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { readCommandTable } from "../../src/help/parse-command-table.ts";
import { runAf, wordsOf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { openedServices, register } from "./opened-services.ts";
import { processesIn } from "./processes.ts";
import { oneTool } from "./scratch.ts";
import type { Service } from "./service-process.ts";

const missing = await natsServerMissing();
const { project, start } = openedHere();
const { nats, server, worker, service, client: clientOf } = openedServices();

const leaseMs = 5_000;

/** What each of them holds, as the one that is asked sees it. */
async function nodesOf(client: Client): Promise<{ readonly [node: string]: readonly [string, number] }> {
  const { nodes = [] } = await client.status();
  return Object.fromEntries(nodes.map(({ node, state, shards }) => [node, [state, shards] as const]));
}

/** Two that have their halves, and a worker; the client speaks to the second, `one` may go. */
async function twoServers(body: string): Promise<{ one: Service; client: Client }> {
  const bus = await nats();
  const scratch = project(oneTool(body));
  const one = server(scratch, bus.url, "one");
  const client = await clientOf(scratch, server(scratch, bus.url, "two"));
  const hands = worker(scratch, bus.url, "--slots", "8");
  await hands.said("code loaded");
  await register(scratch, one);
  const half = { one: ["live", 32], two: ["live", 32] };
  await until("each has its half", async () => isDeepStrictEqual(await nodesOf(client), half));
  const known = async (): Promise<boolean> => (await client.workflows.list()).items.length === 1;
  await until("the second knows the workflow", known);
  return { one, client };
}

/** Asks as somebody does who does not use our client; resolves once the server has all of it. */
async function ask(url: string, of: { subject: string; question: string; times: number }): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const one = `PUB ${of.subject} _INBOX.none ${Buffer.byteLength(of.question)}\r\n${of.question}\r\n`;
  socket.write(`CONNECT {"verbose":false}\r\n${one.repeat(of.times)}PING\r\n`);
  let said = "";
  for await (const chunk of socket) {
    said += String(chunk);
    if (said.includes("PONG")) break;
  }
  socket.destroy();
}

/** An example with places of this test: addresses, folders, files, ports, and what one server alone has. */
function replaced(example: string, to: { readonly bus: string; readonly dir: string }): string {
  return example
    .replaceAll(/nats:\/\/[^\s,]+(,nats:\/\/[^\s,]+)*/g, to.bus)
    .replace("/etc/agentflow/server.yaml", "server.yaml")
    .replace("/var/lib/agentflow", "server")
    .replace("/srv/triage", to.dir)
    .replace(/--replicas \d+/, "--replicas 1")
    .replace(/--logs \d+/, "--logs 1")
    .replace(/--health-port \d+/, "--health-port 0");
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

  test("two servers share the shards; what one that is killed held, the other serves", async () => {
    const { one, client } = await twoServers("await new Promise((r) => setTimeout(r, n)); return n;");
    const inputs = Array.from({ length: 24 }, (_, index) => 400 + index);
    const done = inputs.map((n) => client.runs.startAndWait("one", { n }));
    await until("some of them ended", async () => ((await client.status()).runs["completed"] ?? 0) > 3);
    one.signal("SIGKILL");
    const killedMs = performance.now();
    const later = await Promise.all(inputs.map((n) => client.runs.start("one", { n })));
    expect(performance.now() - killedMs).toBeLessThan(leaseMs + 2_000);
    expect(await nodesOf(client)).toEqual({ one: ["gone", 0], two: ["live", 64] });
    for (const [index, run] of (await Promise.all(done)).entries()) {
      expect(run).toMatchObject({ status: "completed", output: { value: inputs[index] } });
    }
    for (const [index, { run }] of later.entries()) {
      const ended = await client.runs.wait(run);
      expect(ended).toMatchObject({ status: "completed", output: { value: inputs[index] } });
    }
  });

  test("a server that is stopped hands over within a second, and requests at the other go on", async () => {
    const { one, client } = await twoServers("return n;");
    const slowest = { ms: 0, asked: 0 };
    const enough = new AbortController();
    const asking = (async () => {
      for (let n = 0; !enough.signal.aborted; n++) {
        const beganMs = performance.now();
        expect(await client.runs.startAndWait("one", { n })).toMatchObject({ output: { value: n } });
        slowest.ms = Math.max(slowest.ms, performance.now() - beganMs);
        slowest.asked++;
      }
    })();
    await until("requests are answered", () => slowest.asked > 3);
    const { asked } = slowest;
    one.signal("SIGTERM");
    await until("the other has them all", async () => (await nodesOf(client))["two"]?.[1] === 64);
    expect(await one.exited).toBe(0);
    await until("requests were answered all the while", () => slowest.asked > asked + 3);
    enough.abort();
    await asking;
    expect(slowest.ms).toBeLessThan(2_000);
    expect(await nodesOf(client)).toEqual({ two: ["live", 64] });
  });

  test("the examples of af server and af worker serve, and end with 0", async () => {
    const bus = await nats();
    const scratch = project(oneTool("return n;"));
    const where = JSON.stringify({ bus: { servers: [bus.url] } });
    scratch.write("server.yaml", where);
    // Where an example does not say where the bus is, the project does.
    const head = "apiVersion: agentflow.dev/v1\nkind: Project\nname: scratch\n";
    scratch.write("agentflow.yaml", `${head}settings: ${where}\n`);
    const examples = ["server", "worker"].flatMap((id) => readCommandTable().commands[id]?.examples ?? []);
    expect(examples.length).toBeGreaterThanOrEqual(4);
    // A server that knows nobody lets everybody in, with a key too; one that does stands in tests of its own.
    await runAf(["bus", "credentials", "bus"], { cwd: scratch.dir });
    for (const example of examples) {
      const words = wordsOf(replaced(example, { bus: bus.url, dir: scratch.dir }));
      const begin = words.indexOf("af");
      const own = words.slice(0, begin).map((word) => word.split("="));
      const environment = { AF_API__PORT: "0", ...Object.fromEntries(own) };
      const started = service(words.slice(begin + 1), scratch.dir, environment);
      // One looks and serves nothing: it ends by itself.
      if (!example.includes("--check-histories")) {
        await started.said("ready");
        started.signal("SIGTERM");
      }
      expect([example, await started.exited]).toEqual([example, 0]);
    }
  });

  test("what a worker asks for that is another's is audited, a flood of it as a count", async () => {
    const bus = await nats();
    const scratch = project(oneTool("return n;"));
    const control = server(scratch, bus.url);
    await clientOf(scratch, control);
    const { url } = await control.said("ready");
    const environment = {
      AF_URL: String(url),
      AF_TOKEN: readFileSync(path.join(scratch.dir, "server/token"), "utf8").trim(),
    };
    const trail = async (): Promise<readonly { readonly did: string }[]> => {
      const words = ["audit", "--installation", "--json", "--limit", "1000"];
      const { data } = JSON.parse((await runAf(words, { cwd: scratch.dir, environment })).stdout);
      return data.records;
    };
    const question = JSON.stringify({
      v: 1,
      kind: "put",
      key: "worker.globex.w1",
      value: "{}",
      expect: "any",
    });
    await ask(bus.url, { subject: "af.ask.acme", question, times: 2_000 });
    await until("it is in the trail", async () => (await trail()).length >= 100, 20_000);
    const records = await trail();
    expect(records.length).toBeLessThanOrEqual(101);
    const refused = { by: "a worker of acme", did: "ask to put", to: "worker.globex.w1" };
    expect(records.at(-1)).toMatchObject({ ...refused, outcome: "refused", reason: "tenant_mismatch" });
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
    const words = ["server", "--bus", bus.url, "--state", "other", "--port", "0", "--nkey", "nowhere.nk"];
    const other = service(words, scratch.dir);
    const said = await other.said("the server could not start");
    expect(said).toMatchObject({ why: "the credentials in nowhere.nk cannot be read" });
    expect(await other.exited).toBe(2);
    expect(other.stderr).toMatch(/nowhere\.nk cannot be read[^]*af bus credentials/);
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
    const joins = start(scratch, options);
    expect(await joins.ready).toMatchObject({ joined: true, pid: first.pid });
    joins.signal("SIGTERM");
    await joins.exited;
    process.kill(first.pid, "SIGKILL");
    await first.exited;
    await until("nothing of it is left", () => processesIn(scratch.dir).length === 0);
    const atRest = await runAf(["backup", "a.zst"], { cwd: scratch.dir });
    expect(atRest).toMatchObject({ code: 4, stderr: expect.stringContaining("af dev --bus nats") });
    const second = start(scratch, options);
    await second.ready;
    const kept = await second.client().runs.get(run);
    expect(kept).toMatchObject({ status: "completed", output: { value: 3 } });
  });

  test("af dev on a nats-server that runs elsewhere is one of its control planes", async () => {
    const bus = await nats();
    const scratch = project(oneTool("return n;"));
    const other = await clientOf(scratch, server(scratch, bus.url, "one"));
    const dev = start(scratch, { args: ["--bus", bus.url] });
    await dev.ready;
    const shares = async (): Promise<readonly number[]> =>
      Object.values(await nodesOf(other)).map(([, shards]) => shards);
    await until("each has its half", async () => isDeepStrictEqual(await shares(), [32, 32]));
    expect(await dev.client().runs.startAndWait("one", { n: 4 })).toMatchObject({ output: { value: 4 } });
    dev.signal("SIGTERM");
    expect(await dev.exited).toBe(0);
    expect(await nodesOf(other)).toEqual({ one: ["live", 64] });
  });

  test("af dev --bus nats without a server says how to get one", async () => {
    const scratch = project(oneTool("return n;"));
    const environment = { AF_NATS_SERVER: path.join(scratch.dir, "none") };
    const ran = await runAf(["dev", "--bus", "nats"], { cwd: scratch.dir, environment });
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining("no_nats_server") });
  });
});
