/** An installation with four logs on a real nats-server: what runs, follows, dies, moves and is kept. */
import { type NatsServer, natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { makeRunId } from "@agentflow/protocol";
import { type Client, createClient } from "@agentflow/sdk/client";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { bin, runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool, type Scratch } from "./scratch.ts";
import { Service } from "./service-process.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
const open: { end(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.end();
});

/** What the hourly look does, at once, in a process of its own. */
const archive = `
  const { openNats } = await import("@agentflow/bus/nats");
  const { startEngine } = await import("@agentflow/control-plane");
  const { createLog } = await import("@agentflow/host/log");
  const { createMetrics } = await import("@agentflow/host/metrics");
  const { systemWorld } = await import("@agentflow/host/world");
  const world = systemWorld();
  const bus = await openNats({ servers: [process.argv[2]], role: "owner" });
  const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });
  const named = { node: "archive", version: "0.1.0", tenantDefaults: { build: "dev" } };
  const engine = await startEngine({
    bus, world, log, metrics: createMetrics(), readModelDir: ":memory:", ...named,
  });
  console.log(await engine.retain({ days: 0, runs: 0 }));
  await engine.stop();
  await bus.close();
`;

class House {
  readonly scratch: Scratch;
  readonly bus: NatsServer;

  constructor(scratch: Scratch, bus: NatsServer) {
    this.scratch = scratch;
    this.bus = bus;
  }

  service(...words: string[]): Service {
    const service = new Service(words, this.scratch.dir);
    open.push(service);
    return service;
  }

  server(name: string, ...more: string[]): Service {
    const words = ["--bus", this.bus.url, "--state", name, "--node", name, "--port", "0"];
    return this.service("server", ...words, ...more);
  }

  async at(server: Service): Promise<{ url: string; token: string; client: Client }> {
    const { url, state } = await server.said("ready");
    const token = readFileSync(path.join(this.scratch.dir, String(state), "token"), "utf8").trim();
    const client = createClient({ url: String(url), token });
    open.push({ end: async () => client.close() });
    return { url: String(url), token, client };
  }

  af({ url, token }: { url: string; token: string }, ...words: string[]) {
    return runAf([...words, "--url", url], { cwd: this.scratch.dir, environment: { AF_TOKEN: token } });
  }

  /** Whatever `af logs -f` prints from now on. */
  follow({ url, token }: { url: string; token: string }) {
    const words = ["logs", "-f", "-o", "logfmt", "--source", "control-plane", "--url", url];
    const child = spawn(process.execPath, [bin, ...words], {
      cwd: this.scratch.dir,
      env: { ...process.env, AF_TOKEN: token },
    });
    const said = { out: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString("utf8")));
    const closed = new Promise((resolve) => child.once("close", resolve));
    const end = (): Promise<unknown> => {
      child.kill("SIGINT");
      return closed;
    };
    open.push({ end });
    return said;
  }
}

async function made(): Promise<House> {
  const bus = await startNatsServer();
  open.push({ end: () => bus.close() });
  return new House(project(oneTool("await new Promise((r) => setTimeout(r, n)); return n;")), bus);
}

describe.skipIf(missing !== undefined)("an installation with four logs", () => {
  test("runs, follows, lists and traces through the death of a server, and its runs outlive it", async () => {
    const house = await made();
    const one = house.server("one", "--logs", "4");
    expect(await one.said("ready")).toMatchObject({ logs: 4 });
    // Whoever comes later need not say it.
    const there = await house.at(house.server("two"));
    const { client } = there;
    await house.service("worker", "--bus", house.bus.url, "--slots", "8").said("code loaded");
    const registered = await house.af(there, "workflow", "register");
    expect(registered).toMatchObject({ code: 0, stdout: expect.stringMatching(/✓ one/) });
    const lines = house.follow(there);
    // Hours old, so that they may be archived below.
    const ids = Array.from({ length: 24 }, () => makeRunId(Date.now() - 7_200_000, randomBytes(10)));
    const early = ids.slice(0, 12).map((run, n) => client.runs.startAndWait("one", { n: 100 + n }, { run }));
    await until("some have ended", async () => ((await client.status()).runs["completed"] ?? 0) > 3);
    const late = ids.slice(12).map((run, n) => client.runs.startAndWait("one", { n: 300 + n }, { run }));
    one.signal("SIGKILL");
    const shards = async (): Promise<number | undefined> =>
      (await client.status()).nodes?.find(({ node }) => node === "two")?.shards;
    await until("the other has them all", async () => (await shards()) === 64, 25_000);
    for (const [n, run] of (await Promise.all([...early, ...late])).entries()) {
      expect(run).toMatchObject({ status: "completed", output: { value: n < 12 ? 100 + n : 288 + n } });
    }
    const again = house.server("one");
    expect(await again.said("ready")).toMatchObject({ logs: 4 });

    expect((await house.af(there, "status")).stdout).toContain("; 4 logs");
    const listed: string[] = [];
    for await (const { run } of client.runs.all({ limit: 5 })) listed.push(run);
    expect(listed.toSorted()).toEqual(ids.toSorted());
    const at = await house.at(again);
    const elsewhere = await at.client.runs.list({ limit: 500 });
    expect(elsewhere.runs.map(({ run }) => run).toSorted()).toEqual(ids.toSorted());
    const [first = ""] = ids;
    expect(await house.af(at, "trace", first)).toMatchObject({ code: 0, stdout: /\ba\b/ });

    await until("every end is shown", () =>
      ids.every((run) => lines.out.includes(`${run} msg="run completed"`)),
    );
    for (const run of ids) {
      for (const what of ["started", "completed"]) {
        expect([run, lines.out.split(`run=${run} msg="run ${what}`).length - 1]).toEqual([run, 1]);
      }
    }
    expect((await house.af(at, "backup", "all.zst")).code).toBe(0);
    const verified = await runAf(["backup", "verify", "all.zst", "--json"], { cwd: house.scratch.dir });
    expect(JSON.parse(verified.stdout).data).toMatchObject({ errors: 0, runs: { ended: 24, open: 0 } });
  }, 90_000);

  test("archived runs are found, also by a server that has read nothing yet", async () => {
    const house = await made();
    const one = house.server("one", "--logs", "4");
    const there = await house.at(one);
    await house.service("worker", "--bus", house.bus.url).said("code loaded");
    await house.af(there, "workflow", "register");
    const ids = Array.from({ length: 8 }, () => makeRunId(Date.now() - 7_200_000, randomBytes(10)));
    for (const run of ids) await there.client.runs.startAndWait("one", { n: 1 }, { run });
    one.signal("SIGTERM");
    expect(await one.exited).toBe(0);
    const script = path.join(house.scratch.dir, "archive.mjs");
    writeFileSync(script, archive);
    expect(execFileSync(process.execPath, [script, house.bus.url], { encoding: "utf8" }).trim()).toBe("8");
    const [last = ""] = ids.slice(-1);
    for (const name of ["one", "fresh"]) {
      const next = house.server(name);
      const at = await house.at(next);
      expect((await at.client.runs.list()).runs).toHaveLength(8);
      const got = await house.af(at, "run", "get", last, "--json");
      expect(JSON.parse(got.stdout).data).toMatchObject({ run: last, status: "completed" });
      const kinds = (await at.client.runs.events(last)).events.map(({ event }) => event.kind);
      expect(kinds).toEqual(["run_started", "task_dispatched", "step_succeeded", "run_completed"]);
      next.signal("SIGTERM");
      await next.exited;
    }
  }, 90_000);

  test("another number is refused with the one that was found, and the doctor says which it is", async () => {
    const house = await made();
    await house.server("one", "--logs", "4").said("ready");
    const other = house.server("other", "--logs", "2");
    const { error } = await other.said("the server could not start");
    expect(JSON.stringify(error)).toContain("logs_fixed");
    expect(await other.exited).toBe(8);
    const doctor = async (...more: string[]) => {
      const ran = await runAf(["bus", "doctor", "--bus", house.bus.url, "--json"], {
        cwd: house.scratch.dir,
        environment: Object.fromEntries(more.map((word) => word.split("="))),
      });
      const { report, checks } = JSON.parse(ran.stdout).data;
      return { logs: report.logs, check: checks.find(({ name }: { name: string }) => name === "logs") };
    };
    expect(await doctor()).toMatchObject({ logs: 4, check: { state: "good" } });
    const asked = await doctor("AF_BUS__LOGS=8");
    expect(asked).toMatchObject({ logs: 4, check: { state: "bad", fix: "bus.logs: 4, or leave it out" } });
    const nine = await runAf(["server", "--bus", house.bus.url, "--logs", "9"], { cwd: house.scratch.dir });
    expect(nine.code).toBe(2);
  });
});
