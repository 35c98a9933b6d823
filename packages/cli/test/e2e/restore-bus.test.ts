/** Backups into installations on NATS: of one under load, of one machine and back, cut off and gone on. */
import { type NatsServer, natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { type Client, createClient } from "@agentflow/sdk/client";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { type Scratch, oneTool, workflowFile } from "./scratch.ts";
import { Service } from "./service-process.ts";

const missing = await natsServerMissing();
const { project, ready } = openedHere();
const open: { end(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.end();
});

/** Those from 100 on are at work until the file `go` is there. */
const files = {
  ...oneTool(`
  for (let i = 0; i < 300 && n >= 100; i++) {
    if ((await import("node:fs")).existsSync("go")) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return n * 2;`),
  "workflows/nap.yaml": workflowFile("nap", ["nap: {uses: wait, with: {for: 4s}}"], "rested"),
};

async function nats(syncInterval = "2m"): Promise<NatsServer> {
  const server = await startNatsServer({ syncInterval });
  open.push({ end: () => server.close() });
  return server;
}

interface Installation {
  readonly control: Service;
  readonly hands: Service;
  readonly client: Client;
  readonly environment: { readonly AF_URL: string; readonly AF_TOKEN: string };
}

function service(scratch: Scratch, ...words: string[]): Service {
  const one = new Service(words, scratch.dir);
  open.push(one);
  return one;
}

/** A server and a worker, and whoever speaks with them. */
async function installation(scratch: Scratch, bus: string, name: string): Promise<Installation> {
  const state = path.join(scratch.dir, name);
  const at = ["--bus", bus];
  const control = service(scratch, "server", ...at, "--state", state, "--node", name, "--port", "0");
  const hands = service(scratch, "worker", ...at, "--slots", "8");
  const { url } = await control.said("ready");
  await hands.said("code loaded");
  const token = readFileSync(path.join(state, "token"), "utf8").trim();
  const client = createClient({ url: String(url), token });
  open.push({ end: async () => client.close() });
  return { control, hands, client, environment: { AF_URL: String(url), AF_TOKEN: token } };
}

async function endAll({ control, hands }: Installation, signal: NodeJS.Signals): Promise<void> {
  for (const one of [hands, control]) {
    one.signal(signal);
    await one.exited;
  }
}

/** Runs after runs until it is told to stop; gives all that were started. */
function load(client: Client): () => Promise<number> {
  const enough = new AbortController();
  let started = 0;
  const one = async (): Promise<void> => {
    while (!enough.signal.aborted) await client.runs.startAndWait("one", { n: started++ % 90 });
  };
  const all = Promise.all(Array.from({ length: 8 }, one));
  return async () => {
    enough.abort();
    await all;
    return started;
  };
}

async function allRuns(client: Client): Promise<string[]> {
  const found: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.runs.list({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.runs.map(({ run }) => run));
    if (page.cursor === undefined) return found;
    ({ cursor } = page);
  }
}

describe.skipIf(missing !== undefined)("restore on NATS", () => {
  test("a backup under load goes into another nats-server, where every run comes to its end", async () => {
    const [from, to] = [await nats(), await nats()];
    const scratch = project(files);
    const first = await installation(scratch, from.url, "one");
    const af = (words: readonly string[], environment = {}) =>
      runAf(words, { cwd: scratch.dir, environment });
    expect((await af(["workflow", "register"], first.environment)).code).toBe(0);
    const { runs } = first.client;
    const held: string[] = [];
    for (let n = 100; n < 106; n++) held.push((await runs.start("one", { n })).run);
    const nap = (await runs.start("nap", {})).run;
    const enough = load(first.client);
    await until("it is under load", async () => ((await first.client.status()).runs["completed"] ?? 0) > 50);
    const saved = await af(["backup", "all.zst", "--telemetry"], first.environment);
    expect(saved.code).toBe(0);
    const atWork = await af(["restore", "all.zst", "--bus", from.url, "--json"]);
    expect(atWork.code).toBe(8);
    expect(JSON.parse(atWork.stdout).error).toMatchObject({ reason: "not_empty" });
    await enough();
    await endAll(first, "SIGKILL");

    // Into another number of logs: a backup knows of none.
    const restored = await af(["restore", "all.zst", "--bus", to.url, "--logs", "3", "--json"]);
    expect(restored).toMatchObject({ code: 0, stderr: "" });
    const { data } = JSON.parse(restored.stdout);
    expect(data).toMatchObject({ servers: [to.url], resumed: false, findings: [], runs: { parked: 0 } });
    expect(data.runs.open).toBeGreaterThanOrEqual(held.length + 1);
    writeFileSync(path.join(scratch.dir, "go"), "");
    const second = await installation(scratch, to.url, "two");
    expect(await second.control.said("ready")).toMatchObject({ logs: 3 });
    for (const [index, run] of held.entries()) {
      const ended = await second.client.runs.wait(run);
      expect(ended).toMatchObject({ status: "completed", output: { value: 200 + 2 * index } });
    }
    expect(await second.client.runs.wait(nap)).toMatchObject({ output: { value: "rested" } });
    const all = await allRuns(second.client);
    expect(all).toHaveLength(data.runs.open + data.runs.ended);
    for (const run of all) expect((await second.client.runs.wait(run)).status).toBe("completed");
    // What came of it folds as well.
    expect((await af(["backup", "after.zst"], second.environment)).code).toBe(0);
    const verified = JSON.parse((await af(["backup", "verify", "after.zst", "--json"])).stdout);
    expect(verified.data.runs).toMatchObject({ open: 0, ended: all.length, parked: 0 });
  }, 60_000);

  test("an empty installation at work is refused until it rests; dead ones keep nobody out", async () => {
    const bus = await nats();
    const scratch = project(files);
    const dev = await ready(scratch);
    await dev.client().runs.startAndWait("one", { n: 4 });
    await dev.end();
    const af = (...words: string[]) => runAf(words, { cwd: scratch.dir });
    expect((await af("backup", "a.zst")).code).toBe(0);
    const empty = await installation(scratch, bus.url, "one");
    const refused = await af("restore", "a.zst", "--bus", bus.url);
    expect(refused.code).toBe(8);
    // Whichever gives a sign of life first.
    expect(refused.stderr).toMatch(
      /at work: (control plane one|worker \S+).*\(installation_busy\)\s+try +stop its/,
    );
    empty.control.signal("SIGKILL");
    await empty.control.exited;
    // A worker alone is somebody too.
    const worker = await af("restore", "a.zst", "--bus", bus.url);
    expect(worker.stderr).toMatch(/at work: worker .*\(installation_busy\)/);
    await endAll(empty, "SIGKILL");
    expect((await af("restore", "a.zst", "--bus", bus.url)).stderr).toMatch(/✓ 1 runs/);
  }, 60_000);

  test("killed while it writes it is not served, and goes on; then back onto one machine", async () => {
    const bus = await nats("always");
    const scratch = project(files);
    const dev = await ready(scratch);
    const { runs } = dev.client();
    const started = Array.from({ length: 80 }, (_, n) => runs.start("one", { n: n % 90 }));
    for (const { run } of await Promise.all(started)) await runs.wait(run);
    const held = (await runs.start("one", { n: 100 })).run;
    const af = (words: readonly string[], environment = {}) =>
      runAf(words, { cwd: scratch.dir, environment });
    expect((await af(["backup", "a.zst"])).code).toBe(0);
    expect((await af(["backup", "b.zst"])).code).toBe(0);
    dev.signal("SIGKILL");
    await dev.exited;
    const restore = ["restore", "a.zst", "--bus", bus.url];
    const killed = await runAf(restore, {
      cwd: scratch.dir,
      onStart: (pid) => void written(bus).then(() => process.kill(pid, "SIGKILL")),
    });
    expect(killed.code).toBe(null);
    const early = service(scratch, "server", "--bus", bus.url, "--state", "early", "--port", "0");
    expect(await early.exited).toBe(8);
    expect(JSON.stringify(early.lines)).toContain("restore_unfinished");
    const other = await af(["restore", "b.zst", "--bus", bus.url]);
    expect(other.stderr).toMatch(/another backup.*\(restore_unfinished\)[\s\S]*with the same file/);
    const whole = await af([...restore, "--json"]);
    expect(JSON.parse(whole.stdout).data).toMatchObject({ resumed: true, runs: { open: 1, ended: 80 } });
    writeFileSync(path.join(scratch.dir, "go"), "");
    const services = await installation(scratch, bus.url, "one");
    expect(await services.client.runs.wait(held)).toMatchObject({ output: { value: 200 } });
    const completed = async () => (await services.client.status()).runs["completed"];
    await until("all of them are listed as completed", async () => (await completed()) === 81);
    expect((await af(["backup", "c.zst"], services.environment)).code).toBe(0);
    await endAll(services, "SIGTERM");
    rmSync(path.join(scratch.dir, ".agentflow"), { recursive: true });
    expect((await af(["restore", "c.zst"])).stderr).toMatch(/✓ 81 runs/);
    const again = await ready(scratch);
    expect(await again.client().runs.get(held)).toMatchObject({ output: { value: 200 } });
  }, 60_000);
});

/** Resolves once some of the histories are there. */
async function written({ monitor }: NatsServer): Promise<void> {
  await until(
    "a part is written",
    async () => {
      const asked = await fetch(`${monitor}/jsz?streams=1&accounts=1`).catch(() => undefined);
      const found = /"name":\s*"AF_LOG_0"[\s\S]*?"messages":\s*(\d+)/.exec((await asked?.text()) ?? "");
      return Number(found?.[1] ?? 0) > 40;
    },
    20_000,
  );
}
