/** Two builds of a project side by side on a real nats-server: where runs go, where they stay, a rollback. */
import { natsServerMissing } from "@agentflow/bus/servers";
import { defaultTenant, parseId, shardOfDigest, subjects } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { afAt, openedServices } from "./opened-services.ts";
import { type Files, type Scratch, toolFile, workflowFile } from "./scratch.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
const { nats, server, worker, client: clientOf } = openedServices();

const [first, second] = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"];

/** Both workflows stand still in their middle until the gate is there; each says by which code it went on. */
function filesOf(code: string, gate: string): Files {
  const wait = `while (!existsSync(${JSON.stringify(gate)})) await new Promise((r) => setTimeout(r, 50));`;
  const tool = toolFile(`${wait} return "${code}";`).replace(
    "export const go",
    `import { existsSync } from "node:fs";\nexport const go`,
  );
  const agent = `apiVersion: agentflow.dev/v1
kind: Agent
name: asks
description: Asks for the tool, then answers
model: default
instructions: Go.
prompt: "go"
tools: [work.go]
`;
  const script = `apiVersion: agentflow.dev/v1
kind: ModelScript
rules:
  - {when: {turn: 1}, calls: [{tool: work__go, input: {n: 1}}]}
  - {when: {}, text: done by ${code}}
`;
  const step = (name: string, needs: string) =>
    `${name}: {uses: "tool:work.${name === "b" ? "go" : "quick"}", with: {n: "\${input.n}"}${needs}}`;
  return {
    "agentflow.yaml":
      "apiVersion: agentflow.dev/v1\nkind: Project\nname: scratch\n" +
      "models:\n  default: {provider: scripted, model: scripted, script: script.yaml}\n",
    "script.yaml": script,
    "tools/work.ts": `${tool}
export const quick = defineTool({
  description: "at once",
  input: z.object({ n: z.number() }),
  output: z.any(),
  effect: "pure",
  async run() { return "${code}"; },
});
`,
    "agents/asks.yaml": agent,
    "workflows/one.yaml": workflowFile(
      "one",
      [step("a", ""), step("b", ", needs: [a]"), step("c", ", needs: [b]")],
      "${steps.a.output + steps.b.output + steps.c.output}",
    ),
    "workflows/thinks.yaml": workflowFile(
      "thinks",
      ['a: {uses: "agent:asks", with: {}}'],
      "${steps.a.output}",
    ),
  };
}

const register = (scratch: Scratch, bus: string, build: string) =>
  runAf(["workflow", "register", "--bus", bus, "--build", build, "--wait", "30s", "--json"], {
    cwd: scratch.dir,
  });

const buildOf = async (client: Client, build: string) =>
  (await client.builds.list()).items.find((one) => one.build === build);

/** As a release of the future would go on with a run. */
async function append(url: string, text: string, commit: object): Promise<void> {
  const run = parseId("run", text);
  const shard = shardOfDigest(hash("sha256", run, "buffer"));
  const subject = subjects.run({ shard, tenant: defaultTenant, run });
  const body = JSON.stringify(commit);
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`CONNECT {"verbose":false}\r\nPUB ${subject} ${body.length}\r\n${body}\r\nPING\r\n`);
  for await (const chunk of socket) if (String(chunk).includes("PONG")) break;
  socket.destroy();
}

async function startAll(client: Client, workflow: string, count: number): Promise<readonly string[]> {
  const inputs = Array.from({ length: count }, (_, n) => ({ n }));
  return Promise.all(inputs.map(async (input) => (await client.runs.start(workflow, input)).run));
}

describe.skipIf(missing !== undefined)("builds side by side", () => {
  test("what is in flight stays, what is new goes to the new build, a rollback goes back", async () => {
    const bus = await nats();
    const gates = project({});
    const gate = path.join(gates.dir, "gate");
    const [one, two] = [project(filesOf("A", gate)), project(filesOf("B", gate))];
    const control = server(one, bus.url);
    const client = await clientOf(one, control);
    worker(one, bus.url, "--build", first, "--slots", "64", "--name", "of-a");
    worker(two, bus.url, "--build", second, "--slots", "64", "--name", "of-b");
    expect(await register(one, bus.url, first)).toMatchObject({ code: 0, stderr: expect.any(String) });
    const old = [...(await startAll(client, "one", 40)), ...(await startAll(client, "thinks", 10))];
    const busyAt = async (name: string) =>
      (await client.workers.list()).items.find((row) => row.worker === name)?.busy.length;
    await until("all of them stand in their middle", async () => (await busyAt("of-a")) === 50, 60_000);
    const turned = await register(two, bus.url, second);
    expect(JSON.parse(turned.stdout).data.registered).toMatchObject([
      { workflow: "one", build: second },
      { workflow: "thinks", build: second },
    ]);
    const fresh = [...(await startAll(client, "one", 6)), ...(await startAll(client, "thinks", 2))];
    await until("the new ones are with the other", async () => (await busyAt("of-b")) === 8, 60_000);
    await until("all are counted", async () => (await buildOf(client, second))?.openRuns === 8);
    expect(await buildOf(client, first)).toMatchObject({
      current: [],
      openRuns: 50,
      oldest: { run: expect.any(String) },
      pools: [{ pool: "default", workers: 1, slots: 64, busy: 50 }],
    });
    expect(await buildOf(client, second)).toMatchObject({ current: ["one", "thinks"], openRuns: 8 });
    expect(await client.pools.depth("default", { build: first })).toMatchObject({ tasks: 50, running: 50 });
    expect(await client.pools.depth("default")).toMatchObject({ tasks: 58, workers: 2, slots: 128 });

    const checked = await runAf(["server", "--check-histories", "--bus", bus.url, "--json"], {
      cwd: one.dir,
    });
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.stdout).data).toMatchObject({
      ok: true,
      errors: 0,
      warnings: 0,
      runs: { open: 58, ended: 0, unreadable: 0 },
      journals: 12,
      workflows: 2,
    });

    gates.write("gate", "");
    for (const [runs, code, build] of [
      [old, "A", first],
      [fresh, "B", second],
    ] as const) {
      for (const run of runs) {
        const { status } = await client.runs.wait(run);
        const { workflow, output, ...view } = await client.runs.get(run);
        const value = workflow === "one" ? code.repeat(3) : { text: `done by ${code}` };
        expect([status, output]).toEqual(["completed", { value }]);
        expect([view.build, view.codes.length]).toEqual([build, 1]);
      }
    }
    await until(
      "nothing is left on the old build",
      async () => (await buildOf(client, first))?.openRuns === 0,
    );

    expect((await register(one, bus.url, first)).code).toBe(0);
    const back = await client.runs.startAndWait("one", { n: 1 });
    expect(back).toMatchObject({ status: "completed", output: { value: "AAA" } });
    const shown = await afAt(one, control, ["run", "get", back.run]);
    expect(shown.stdout).toMatch(new RegExp(`build +${first}`));
    const workers = await afAt(one, control, ["worker", "list"]);
    expect(workers.stdout).toMatch(new RegExp(`of-b +default +ready +[0-9]+/64 +${second}`));
    expect(existsSync(gate)).toBe(true);
  });

  test("a run whose build nobody serves says so; registering waits for a worker of it", async () => {
    const bus = await nats();
    const gates = project({ gate: "" });
    const scratch = project(filesOf("A", path.join(gates.dir, "gate")));
    const control = server(scratch, bus.url);
    const client = await clientOf(scratch, control);
    worker(scratch, bus.url, "--build", second);
    expect((await register(scratch, bus.url, second)).code).toBe(0);
    const words = ["workflow", "register", "--bus", bus.url, "--build", first];
    const late = await runAf([...words, "--wait", "1s"], { cwd: scratch.dir });
    expect(late).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/as build aaaaaaaaaaaa after 1.0s: there are/),
    });
    expect((await runAf(words, { cwd: scratch.dir })).code).toBe(0);
    const { run } = await client.runs.start("one", { n: 1 });
    await until(
      "it is known to wait",
      async () => (await client.runs.why(run)).reasons[0]?.reason === "no_worker",
    );
    const why = await afAt(scratch, control, ["why", run]);
    expect(why.code).toBe(8);
    expect(why.stdout).toMatch(
      /no worker serves pool default with build aaaaaaaaaaaa, which this run began on/,
    );
    expect(why.stdout).toMatch(/next +af worker --pool default --build aaaaaaaaaaaa/);
    const checked = await runAf(["server", "--check-histories", "--bus", bus.url], { cwd: scratch.dir });
    expect(checked.code).toBe(0);
    expect(checked.stdout).toMatch(
      /! .*1 run in flight needs build aaaaaaaaaaaa, and no worker of it is there/,
    );
  });

  test("a history of the future is 15, a bus without control planes 6", async () => {
    const bus = await nats();
    const gates = project({ gate: "" });
    const scratch = project(filesOf("A", path.join(gates.dir, "gate")));
    const control = server(scratch, bus.url);
    const client = await clientOf(scratch, control);
    expect((await runAf(["workflow", "register", "--bus", bus.url], { cwd: scratch.dir })).code).toBe(3);
    worker(scratch, bus.url);
    expect((await register(scratch, bus.url, "dev")).code).toBe(0);
    const { run } = await client.runs.startAndWait("one", { n: 1 });
    await append(bus.url, run, {
      v: 1,
      kind: "commit",
      inputs: [],
      events: [{ kind: "run_woke" }],
      commands: [],
    });
    const checked = await runAf(["server", "--check-histories", "--bus", bus.url], { cwd: scratch.dir });
    expect(checked.code).toBe(15);
    expect(checked.stdout).toMatch(new RegExp(`✗ ${run} at revision [0-9]+: .*kind "run_woke"`));
    control.signal("SIGTERM");
    expect(await control.exited).toBe(0);
    const alone = await runAf(["workflow", "register", "--bus", bus.url], { cwd: scratch.dir });
    expect(alone).toMatchObject({ code: 6, stderr: expect.stringContaining("older release") });
  });
});
