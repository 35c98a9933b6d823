/** The life of an installation whose identities may do what they need: only the archiver removes. */
import { type NatsServer, natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { makeRunId, type RunId } from "@agentflow/protocol";
import { createClient } from "@agentflow/sdk/client";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { type Scratch, oneTool } from "./scratch.ts";
import { Service } from "./service-process.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
const open: { end(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.end();
});

/** An include's path begins at the configuration's own folder, which lies where scratch projects do. */
async function nats({ dir }: Scratch): Promise<NatsServer> {
  const server = await startNatsServer({
    config: `include ${path.join("..", path.basename(dir), "bus/auth.conf")}`,
  });
  open.push({ end: () => server.close() });
  return server;
}

const who = (name: string): string[] => ["--nkey", `bus/${name}.nk`, "--inbox", `_AF.${name}`];

function service(scratch: Scratch, ...words: string[]): Service {
  const one = new Service(words, scratch.dir);
  open.push(one);
  return one;
}

function server(scratch: Scratch, url: string, state = "server"): Service {
  const identity = [...who("control-plane"), "--archiver", "bus/archiver.nk"];
  return service(scratch, "server", "--bus", url, ...identity, "--state", state, "--port", "0");
}

async function clientOf(scratch: Scratch, of: Service) {
  const { url, state } = await of.said("ready");
  const token = readFileSync(path.join(scratch.dir, String(state), "token"), "utf8").trim();
  const client = createClient({ url: String(url), token });
  open.push({ end: async () => client.close() });
  return { client, environment: { AF_URL: String(url), AF_TOKEN: token } };
}

/** What a server does once an hour, at once, by the same identities. */
const keeper = `
  const { openNats } = await import("@agentflow/bus/nats");
  const { startEngine } = await import("@agentflow/control-plane");
  const { createLog } = await import("@agentflow/host/log");
  const { createMetrics } = await import("@agentflow/host/metrics");
  const { systemWorld } = await import("@agentflow/host/world");
  const [url, archiver, archiveDays] = process.argv.slice(2);
  const world = systemWorld();
  const nkey = (name) => {
    return { credentials: { kind: "nkey", seedFile: "bus/" + name + ".nk" }, inboxPrefix: "_AF." + name };
  };
  const more = archiver === "archiver" ? { archiver: nkey("archiver") } : {};
  const bus = await openNats({ servers: [url], role: "owner", ...nkey("control-plane"), ...more });
  const refused = [];
  bus.onRefused((one) => refused.push(one.operation + " " + one.subject));
  const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });
  const named = { node: "keeper", version: "0.1.0", tenantDefaults: { build: "dev" } };
  const parts = { bus, world, log, metrics: createMetrics() };
  const engine = await startEngine({ ...parts, ...named, ownership: "leases", readModelDir: ":memory:" });
  const retention = { days: 0, runs: 0, archiveDays: Number(archiveDays) };
  const failed = ({ code, reason }) => ({ code, reason });
  const said = await engine.retain(retention).then((archived) => ({ archived }), failed);
  await engine.stop();
  await bus.close();
  console.log(JSON.stringify({ ...said, refused }));
`;

async function retain(scratch: Scratch, ...words: string[]): Promise<unknown> {
  const file = path.join(scratch.dir, "keeper.mjs");
  writeFileSync(file, keeper);
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...words], { cwd: scratch.dir });
  return JSON.parse(stdout);
}

const hour = 3_600_000;
const oldId = (): RunId => makeRunId(Date.now() - 2 * hour, randomBytes(10));

describe.skipIf(missing !== undefined).each([{ mode: [] }, { mode: ["--accounts"] }])(
  "identities $mode",
  ({ mode }) => {
    test("runs, archives and their end, reads and backups; only the archiver removes", async () => {
      const files = oneTool(`return n < 10 ? n : "x".repeat(70_000);`);
      // Big values are blobs, which only go whole.
      const workflow = files["workflows/one.yaml"]?.replace(/output: .*/, 'output: "${steps.a.output}"');
      const scratch = project({ ...files, "workflows/one.yaml": workflow ?? "" });
      const af = (words: readonly string[], environment = {}) =>
        runAf(words, { cwd: scratch.dir, environment });
      expect((await af(["bus", "credentials", "bus", ...mode])).code).toBe(0);
      const bus = await nats(scratch);
      const first = server(scratch, bus.url);
      const hands = service(scratch, "worker", "--bus", bus.url, ...who("worker-default"), "--slots", "8");
      const one = await clientOf(scratch, first);
      await hands.said("code loaded");
      expect((await af(["workflow", "register"], one.environment)).code).toBe(0);
      const old = Array.from({ length: 24 }, oldId);
      await Promise.all(old.map((run, n) => one.client.runs.startAndWait("one", { n }, { run })));
      first.signal("SIGTERM");
      expect(await first.exited).toBe(0);

      const purge = "publish $JS.API.STREAM.PURGE.AF_LOG_0";
      expect(await retain(scratch, bus.url, "nobody", "90")).toMatchObject({
        code: "forbidden",
        reason: "nats_permission",
        refused: [purge],
      });
      // It goes on where the one without the right was stopped.
      expect(await retain(scratch, bus.url, "archiver", "90")).toMatchObject({ refused: [] });

      const second = server(scratch, bus.url);
      const two = await clientOf(scratch, second);
      const young = await two.client.runs.startAndWait("one", { n: 3 });
      expect(young).toMatchObject({ status: "completed", output: 3 });
      expect((await af(["backup", "all.zst"], two.environment)).code).toBe(0);
      const verified = JSON.parse((await af(["backup", "verify", "all.zst", "--json"])).stdout);
      expect(verified.data).toMatchObject({ errors: 0, runs: { archived: old.length, ended: 1, open: 0 } });
      for (const [n, run] of [old[4], old[20]].entries()) {
        const got = await af(["run", "get", String(run), "--json"], two.environment);
        const { data } = JSON.parse(got.stdout);
        const output = n === 0 ? 4 : "x".repeat(70_000);
        expect({ status: data.status, isWhole: data.output === output }).toEqual({
          status: "completed",
          isWhole: true,
        });
        expect((await af(["trace", String(run)], two.environment)).stdout).toMatch(/✓ a /);
      }
      second.signal("SIGTERM");
      expect(await second.exited).toBe(0);

      expect(await retain(scratch, bus.url, "archiver", "0")).toMatchObject({ refused: [] });
      // A read model of its own, made from what is there.
      const third = server(scratch, bus.url, "other");
      const three = await clientOf(scratch, third);
      const listed = async () => (await three.client.runs.list({ limit: 100 })).runs.length;
      await until("what is over age is gone", async () => (await listed()) <= 1);
      expect((await af(["run", "get", String(old[20])], three.environment)).code).toBe(4);
      await hands.end();
      await third.end();
      const said = [first, second, third, hands].flatMap(({ lines }) =>
        lines.map((line) => JSON.stringify(line)),
      );
      expect(said.filter((line) => line.includes("permission") || line.includes("refused"))).toEqual([]);
    }, 60_000);
  },
);
