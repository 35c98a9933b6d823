/** A backup of a running installation, its state destroyed, and everything there again. */
import { makeRunId } from "@agentflow/protocol";
import { createClient } from "@agentflow/sdk/client";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { type Scratch, oneTool, workflowFile } from "./scratch.ts";

const { project, ready, start } = openedHere();

const body = `
  context.log.info("at work on " + n);
  for (let i = 0; i < 300 && n >= 100; i++) {
    if ((await import("node:fs")).existsSync("go")) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return n * 2;`;

const files = {
  ...oneTool(body),
  "workflows/nap.yaml": workflowFile("nap", ["nap: {uses: wait, with: {for: 6s}}"], "rested"),
};

const stateOf = ({ dir }: Scratch): string => path.join(dir, ".agentflow/state");

/** What the hourly look does, at once, in a process of its own: it takes seconds of nobody's time. */
const archive = `
  const { openEmbedded } = await import("@agentflow/bus/embedded");
  const { startEngine } = await import("@agentflow/control-plane");
  const { createLog } = await import("@agentflow/host/log");
  const { createMetrics } = await import("@agentflow/host/metrics");
  const { systemWorld } = await import("@agentflow/host/world");
  const dir = process.argv[2];
  const world = systemWorld();
  const bus = await openEmbedded({ dir, version: "0.1.0" });
  const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });
  const named = { node: "test", version: "0.1.0", tenantDefaults: { build: "dev" }, readModelDir: dir };
  const engine = await startEngine({ bus, world, log, metrics: createMetrics(), ...named });
  console.log(await engine.retain({ days: 0, runs: 0 }));
  await engine.stop();
  await bus.close();
`;

/** Ended runs whose ids are hours old leave for an archive, as they would by themselves in a week. */
function archiveAll(scratch: Scratch): number {
  const file = path.join(scratch.dir, "archive.mjs");
  writeFileSync(file, archive);
  return Number(execFileSync(process.execPath, [file, stateOf(scratch)], { encoding: "utf8" }));
}

test("runs in flight end with the right results after the state was destroyed and restored", async () => {
  const scratch = project(files);
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  let dev = await ready(scratch);
  const old = makeRunId(Date.now() - 7_200_000, randomBytes(10));
  await dev.client().runs.startAndWait("one", { n: 7 }, { run: old });
  await dev.end();
  expect(archiveAll(scratch)).toBe(1);
  dev = await ready(scratch);
  const { runs, keys } = dev.client();
  const ended = (await runs.startAndWait("one", { n: 3 })).run;
  const open: string[] = [];
  for (let n = 100; n < 106; n++) open.push((await runs.start("one", { n })).run);
  const nap = (await runs.start("nap", {})).run;
  const { key } = await keys.create({ name: "mine", scopes: ["runs:read"] });
  const { workers } = dev.client();
  const busyNow = async () => (await workers.list()).items.reduce((sum, { busy }) => sum + busy.length, 0);
  await until("a task is at work", async () => (await busyNow()) > 0, 15_000);

  const made = await af("backup", "all.zst", "--telemetry", "--json");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const file = path.join(scratch.dir, "all.zst");
  expect(JSON.parse(made.stdout).data).toMatchObject({ file, from: dev.url, counts: { missing: 0 } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await af("backup", "all.zst");
  expect(again).toMatchObject({ code: 8, stdout: "" });
  expect(again.stderr).toContain("file_exists");
  const checked = await af("backup", "verify", "all.zst");
  expect(checked.code).toBe(0);
  expect(checked.stdout).toMatch(/runs +9: 7 open, 1 ended, 1 in archives, 0 unreadable\n/);
  const busy = await af("restore", "all.zst");
  expect(busy.code).toBe(8);
  expect(busy.stderr).toMatch(/the state is in use.*\(owned\)[\s\S]*stop it first/);

  dev.signal("SIGKILL");
  await dev.exited;
  rmSync(path.join(scratch.dir, ".agentflow"), { recursive: true });
  const restored = await af("restore", "all.zst");
  expect(restored).toMatchObject({ code: 0, stdout: "" });
  expect(restored.stderr).toMatch(/✓ 9 runs as of .*, 7 of them open/);
  writeFileSync(path.join(scratch.dir, "go"), "");
  dev = await ready(scratch);
  const after = dev.client();
  for (const [i, run] of open.entries()) {
    expect(await after.runs.wait(run)).toMatchObject({ status: "completed", output: { value: 200 + 2 * i } });
  }
  expect(await after.runs.wait(nap)).toMatchObject({ status: "completed", output: { value: "rested" } });
  const listed = (await after.runs.list()).runs.map(({ run }) => run);
  expect(listed.toSorted()).toEqual([old, ended, nap, ...open].toSorted());
  expect(await after.runs.get(old)).toMatchObject({ status: "completed", output: { value: 14 } });
  expect((await af("trace", ended)).stdout).toMatch(/✓ a .*█/);
  expect((await af("logs", "--run", ended)).stdout).toContain("at work on 3");
  const mine = createClient({ url: dev.url, token: key });
  expect((await mine.runs.get(ended)).status).toBe("completed");
  mine.close();
  // What is there is not overwritten.
  await dev.end();
  const refused = await af("restore", "all.zst");
  expect(refused.code).toBe(8);
  expect(refused.stderr).toMatch(/has runs already.*\(not_empty\)[\s\S]*--into DIR/);
}, 60_000);

test("a project at rest is saved from its state, and restored beside it", async () => {
  const scratch = project(files);
  const other = project(files);
  const dev = await ready(scratch);
  const { run } = await dev.client().runs.startAndWait("one", { n: 4 });
  await dev.end();
  const made = await runAf(["backup"], { cwd: scratch.dir });
  expect(made).toMatchObject({ code: 0 });
  expect(made.stdout).toMatch(/agentflow-\d{8}-\d{6}\.zst\n$/);
  const file = made.stdout.trim();
  const args = ["restore", file, "--into", other.dir, "--json"];
  const restored = await runAf(args, { cwd: scratch.dir });
  expect(JSON.parse(restored.stdout)).toMatchObject({
    ok: true,
    data: { dir: other.dir, runs: { ended: 1 } },
  });
  const next = await ready(other);
  expect(await next.client().runs.get(run)).toMatchObject({ output: { value: 8 } });
  const [one, two] = [scratch, other].map(({ dir }) =>
    readFileSync(path.join(dir, ".agentflow/token"), "utf8"),
  );
  expect(one).not.toBe(two);
});

test("what a restore left half done is refused by af dev until it is done again or thrown away", async () => {
  const scratch = project(files);
  const dev = await ready(scratch);
  const { run } = await dev.client().runs.startAndWait("one", { n: 4 });
  await dev.end();
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  expect((await af("backup", "a.zst")).code).toBe(0);
  const halve = (): void => {
    const db = new DatabaseSync(path.join(stateOf(scratch), "log.db"));
    const mark = { v: 1, kind: "restore", at: "2026-11-26T00:00:00.000Z", installation: "x" };
    db.prepare("INSERT INTO row VALUES ('restore', ?, 1)").run(JSON.stringify(mark));
    db.close();
  };
  halve();
  const refused = start(scratch, { args: ["--text"] });
  expect(await refused.exited).toBe(8);
  expect(refused.said()).toMatch(/did not come to its end.*\(restore_unfinished\)[\s\S]*af restore FILE/);
  expect((await af("backup", "b.zst")).stderr).toContain("restore_unfinished");
  expect(existsSync(path.join(scratch.dir, "b.zst"))).toBe(false);
  expect((await af("restore", "a.zst")).code).toBe(0);
  const whole = await ready(scratch);
  expect((await whole.client().runs.get(run)).status).toBe("completed");
  await whole.end();
  halve();
  const fresh = await ready(scratch, { args: ["--fresh"] });
  expect((await fresh.client().runs.list()).runs).toEqual([]);
});

test("a torn file is named as such by every command, and nothing is touched", async () => {
  const scratch = project(files);
  const dev = await ready(scratch);
  await dev.client().runs.startAndWait("one", { n: 4 });
  await dev.end();
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  await af("backup", "a.zst");
  const bytes = readFileSync(path.join(scratch.dir, "a.zst"));
  writeFileSync(path.join(scratch.dir, "torn.zst"), bytes.subarray(0, bytes.length - 100));
  rmSync(path.join(scratch.dir, ".agentflow"), { recursive: true });
  for (const words of [
    ["backup", "verify", "torn.zst"],
    ["restore", "torn.zst"],
  ]) {
    const ran = await af(...words);
    expect(ran.code).toBe(8);
    expect(ran.stderr).toContain("(backup_torn)");
  }
  expect((await af("restore", "agentflow.yaml")).stderr).toContain("(no_backup)");
  expect((await af("backup", "verify", "nothere.zst")).code).toBe(4);
  expect((await af("restore", "a.zst")).code).toBe(0);
});

test("a restore that is killed while it writes says so, and is done again from its begin", async () => {
  const scratch = project(files);
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const started: Promise<{ readonly run: string }>[] = [];
  for (let n = 0; n < 300; n++) started.push(runs.start("one", { n: n % 90 }));
  for (const { run } of await Promise.all(started)) await runs.wait(run);
  await dev.end();
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  await af("backup", "a.zst");
  rmSync(path.join(scratch.dir, ".agentflow"), { recursive: true });
  const log = path.join(stateOf(scratch), "log.db-wal");
  const killed = runAf(["restore", "a.zst"], {
    cwd: scratch.dir,
    onStart: (pid) => {
      // Begun to write: the mark and the first records are there.
      const look = setInterval(() => {
        if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) < 100_000) return;
        clearInterval(look);
        process.kill(pid, "SIGKILL");
      }, 1);
    },
  });
  expect((await killed).code).toBe(null);
  const refused = start(scratch, { args: ["--text"] });
  expect(await refused.exited).toBe(8);
  expect(refused.said()).toContain("(restore_unfinished)");
  expect((await af("restore", "a.zst")).stderr).toMatch(/✓ 300 runs/);
  const next = await ready(scratch);
  expect((await next.client().status()).runs).toEqual({ completed: 300 });
}, 60_000);
