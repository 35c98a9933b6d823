/** Identities for the bus, as files, and services that use them on a nats-server that knows nobody else. */
import { type NatsServer, natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { createClient } from "@agentflow/sdk/client";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere } from "./opened.ts";
import { oneTool } from "./scratch.ts";
import { Service } from "./service-process.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
const open: { end(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.end();
});

function keep<T extends { end(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

/** An include's path begins at the configuration's own folder, which lies where scratch projects do. */
async function nats(project: string): Promise<NatsServer> {
  const file = path.join("..", path.basename(project), "bus/auth.conf");
  const server = await startNatsServer({ config: `include ${file}` });
  open.push({ end: () => server.close() });
  return server;
}

describe("af bus credentials", () => {
  test("seeds are 0600, nothing is overwritten, and what was granted is kept", async () => {
    const { dir } = project(oneTool("return n;"));
    const af = (...words: string[]) => runAf(["bus", "credentials", ...words], { cwd: dir });
    const made = await af("bus", "--accounts", "--tenant", "acme", "--pool", "gpu", "--json");
    expect(made.code).toBe(0);
    expect(made.stdout).not.toMatch(/"S[A-Z2-7]{40,}/);
    const folder = path.join(dir, "bus");
    const seeds = ["archiver.nk", "control-plane.nk", "register-acme.nk", "worker-acme.nk"];
    expect(readdirSync(folder).toSorted()).toEqual([...seeds, "auth.conf"].toSorted());
    for (const name of seeds) {
      expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
    }
    const seed = readFileSync(path.join(folder, "worker-acme.nk"), "utf8");
    const again = await af("bus", "--tenant", "acme");
    expect(again).toMatchObject({ code: 8, stderr: expect.stringContaining("--rotate") });
    const added = await af("bus", "--add", "--tenant", "globex");
    expect(added.stdout).toMatch(/worker of acme +kept/);
    expect(readFileSync(path.join(folder, "worker-acme.nk"), "utf8")).toBe(seed);
    const config = readFileSync(path.join(folder, "auth.conf"), "utf8");
    expect(config).toContain("TENANT_acme {");
    expect(config).toContain("MSG.NEXT.AF_TASK.acme_gpu_dev");
    expect(config).toContain("MSG.NEXT.AF_TASK.globex_gpu_dev");
    const rotated = await af("bus", "--rotate", "--json");
    expect(rotated.code).toBe(0);
    const { identities } = JSON.parse(rotated.stdout).data;
    const roles = identities.map(({ role, tenant, state }: { [key: string]: string }) => [
      role,
      tenant,
      state,
    ]);
    expect(roles).toEqual([
      ["control-plane", undefined, "rotated"],
      ["archiver", undefined, "rotated"],
      ["register", "acme", "rotated"],
      ["register", "globex", "rotated"],
      ["worker", "acme", "rotated"],
      ["worker", "globex", "rotated"],
    ]);
    expect(readFileSync(path.join(folder, "auth.conf"), "utf8")).not.toContain("acme_default_dev");
    expect(readFileSync(path.join(folder, "worker-acme.nk"), "utf8")).not.toBe(seed);
  });

  test("every build is granted to the workers of one tenant, for good, never beside another", async () => {
    const { dir } = project(oneTool("return n;"));
    const af = (...words: string[]) => runAf(["bus", "credentials", ...words], { cwd: dir });
    expect((await af("bus", "--any-build")).code).toBe(0);
    const config = (): string => readFileSync(path.join(dir, "bus/auth.conf"), "utf8");
    expect(config()).toContain('"$JS.API.CONSUMER.MSG.NEXT.AF_TASK.*"');
    expect(config()).not.toContain("AF_TASK.default_default_dev");
    expect((await af("bus", "--add", "--build", "0123456789ab")).code).toBe(0);
    expect(config()).toContain('"$JS.API.CONSUMER.MSG.NEXT.AF_TASK.*"');
    const before = config();
    const refused = await af("bus", "--add", "--tenant", "acme");
    expect(refused).toMatchObject({ code: 8, stderr: expect.stringContaining("any_build_of_several") });
    expect(config()).toBe(before);
  });

  test.each(["a.b", "*", ">", "a b", "a\r\nb", "x".repeat(64), "\u0430cme", "_"])(
    "the tenant %j is refused",
    async (tenant) => {
      const { dir } = project(oneTool("return n;"));
      const ran = await runAf(["bus", "credentials", "bus", "--tenant", tenant], { cwd: dir });
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining("invalid_id") });
      expect(readdirSync(dir)).not.toContain("bus");
    },
  );
});

describe.skipIf(missing !== undefined).each([{ mode: [] }, { mode: ["--accounts"] }])(
  "services with identities $mode",
  ({ mode }) => {
    test("a server and a worker run a workflow, and one without an identity is turned away", async () => {
      const scratch = project(oneTool("return n;"));
      const at = { cwd: scratch.dir };
      expect((await runAf(["bus", "credentials", "bus", ...mode], at)).code).toBe(0);
      const bus = await nats(scratch.dir);
      const who = (name: string): string[] => ["--nkey", `bus/${name}.nk`, "--inbox", `_AF.${name}`];
      const where = ["--bus", bus.url];
      const archiver = ["--archiver", "bus/archiver.nk"];
      const control = keep(
        new Service(
          ["server", ...where, ...who("control-plane"), ...archiver, "--state", "server", "--port", "0"],
          scratch.dir,
        ),
      );
      const hands = keep(new Service(["worker", ...where, ...who("worker-default")], scratch.dir));
      const { url } = await control.said("ready");
      await hands.said("code loaded");
      const token = readFileSync(path.join(scratch.dir, "server/token"), "utf8").trim();
      const registered = await runAf(["workflow", "register", "--url", String(url)], {
        ...at,
        environment: { AF_TOKEN: token },
      });
      expect(registered.code).toBe(0);
      const register = (...words: string[]) =>
        runAf(["workflow", "register", ...where, ...who("register"), ...words], at);
      const over = await register("--build", "dev", "--wait", "10s", "--remove-gone", "--json");
      expect(over.stderr).toBe("");
      expect(JSON.parse(over.stdout).data).toMatchObject({
        registered: [{ workflow: "one", build: "dev" }],
        removed: [],
      });
      const foreign = await register("--tenant", "globex");
      expect(foreign).toMatchObject({ code: 5, stderr: expect.stringContaining("nats_permission") });
      const client = createClient({ url: String(url), token });
      open.push({ end: async () => client.close() });
      const done = await client.runs.startAndWait("one", { n: 7 });
      expect(done).toMatchObject({ status: "completed", output: { value: 7 } });
      const seen = await runAf(["bus", "doctor", ...where, ...who("control-plane"), "--json"], at);
      expect(seen.stderr).toBe("");
      const { data } = JSON.parse(seen.stdout);
      expect(data).toMatchObject({ ok: true, report: { deadLetters: 0, replicas: 1 } });
      expect(data.checks).toContainEqual(expect.objectContaining({ name: "AF_LOG_0", state: "good" }));
      const blind = await runAf(["bus", "doctor", ...where, ...who("worker-default")], at);
      expect(blind).toMatchObject({ code: 5, stderr: expect.stringContaining("nats_permission") });
      const environment = { AF_BUS__SERVERS: bus.url, AF_BUS__NKEY: "bus/control-plane.nk" };
      const whole = await runAf(["doctor"], {
        ...at,
        environment: { ...environment, AF_BUS__INBOX: "_AF.control-plane" },
      });
      expect(whole.stdout).toMatch(/✓ AF_LOG_0 /);
      expect((await runAf(["bus", "credentials", "bus", "--rotate"], at)).code).toBe(0);
      process.kill(bus.pid, "SIGHUP");
      const after = await client.runs.startAndWait("one", { n: 8 });
      expect(after).toMatchObject({ status: "completed", output: { value: 8 } });
      const anew = await runAf(["bus", "doctor", ...where, ...who("control-plane")], at);
      expect(anew.code).toBe(0);
      const told = await runAf(["doctor"], {
        ...at,
        environment: { AF_URL: String(url), AF_TOKEN: token },
      });
      expect(told.stdout).toMatch(/✓ bus +NATS: .*one copy.*; 0 dead letters/);
      const stranger = keep(new Service(["worker", ...where], scratch.dir));
      await stranger.said("the worker could not start");
      expect(await stranger.exited).toBe(5);
      hands.signal("SIGTERM");
      expect(await hands.exited).toBe(0);
      control.signal("SIGTERM");
      expect(await control.exited).toBe(0);
      const said = [...control.lines, ...hands.lines].map((line) => JSON.stringify(line));
      expect(said.filter((line) => line.includes("permission") || line.includes("refused"))).toEqual([]);
    });
  },
);
