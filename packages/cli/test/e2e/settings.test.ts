/** Settings of every layer reach the processes that read them, and `af config view` says from where. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Ran, runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, ready } = openedHere();
const head = "apiVersion: agentflow.dev/v1\nkind: Project\nname: scratch\n";

let home: string;
let environment: { readonly [name: string]: string };
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "af-home-"));
  mkdirSync(path.join(home, "agentflow"));
  writeFileSync(path.join(home, "agentflow/config.yaml"), "retain:\n  runs: 50\nstopMs: 1234\n");
  environment = { XDG_CONFIG_HOME: home, AF_WORKER__LEASE_MS: "2000", AF_STOP_MS: "900" };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface Row {
  readonly key: string;
  readonly value?: unknown;
  readonly layer: string;
  readonly place: string;
  readonly process: string;
  readonly reload: boolean;
}

function rowsOf({ stdout }: Ran): (key: string) => Row | undefined {
  const { settings }: { settings: Row[] } = JSON.parse(stdout).data;
  return (key) => settings.find((row) => row.key === key);
}

test("each layer is read by a running af dev, shown with its place, and followed", async () => {
  const files = { ...oneTool("return n;"), "agentflow.yaml": `${head}settings:\n  log: {level: warn}\n` };
  const scratch = project(files);
  const dev = await ready(scratch, { environment, args: ["--slots", "3"] });
  expect(dev.events[0]).toMatchObject({ kind: "ready" });
  const view = async () => rowsOf(await runAf(["config", "view", "--json"], { cwd: scratch.dir }));
  const rows = await view();
  const file = path.join(scratch.dir, "agentflow.yaml");
  expect(rows("worker.slots")).toMatchObject({
    value: 3,
    layer: "flag",
    place: "--slots",
    process: "worker",
  });
  expect(rows("api.port")).toMatchObject({ value: 0, layer: "flag", place: "--port", reload: false });
  expect(rows("worker.leaseMs")).toMatchObject({
    value: 2_000,
    layer: "environment",
    place: "AF_WORKER__LEASE_MS",
  });
  expect(rows("stopMs")).toMatchObject({ value: 900, layer: "environment", process: "host", reload: true });
  expect(rows("log.level")).toMatchObject({
    value: "warn",
    layer: "project",
    place: `${file}:5`,
    reload: true,
  });
  expect(rows("retain.runs")).toMatchObject({
    value: 50,
    layer: "user",
    process: "control-plane",
    reload: true,
  });
  expect(rows("engine.mailboxMax")).toMatchObject({ value: 10_000, layer: "default", place: "" });
  expect(rows("project")).toMatchObject({ process: "cli", layer: "project" });
  expect((await dev.client().workers.list()).items).toMatchObject([{ slots: 3 }]);
  const logs = async () => (await runAf(["logs", "-o", "logfmt", "-n", "1000"], { cwd: scratch.dir })).stdout;
  expect(await logs()).not.toContain("code loaded");
  scratch.write("agentflow.yaml", `${head}settings:\n  log: {level: info}\n  engine: {mailboxMax: 77}\n`);
  await until("the level is taken over", async () => (await view())("log.level")?.value === "info");
  expect((await view())("engine.mailboxMax")).toMatchObject({ value: 10_000 });
  scratch.write("tools/work.ts", oneTool("return n + 1;")["tools/work.ts"] ?? "");
  await until("the worker's level too", async () => (await logs()).includes("code loaded"));
  expect(await logs()).toMatch(/changed settings need a restart.*engine\.mailboxMax/);
});

test("without an af dev it shows how one would start; faults are named with their place", async () => {
  const scratch = project({
    ...oneTool("return n;"),
    "agentflow.yaml": `${head}settings:\n  retain: {dais: 3}\n`,
  });
  const wrong = await runAf(["config", "view"], { cwd: scratch.dir, environment });
  expect(wrong.code).toBe(3);
  expect(wrong.stderr).toMatch(
    /retain\.dais: there is no such setting .*agentflow\.yaml:5.*did you mean retain\.days/,
  );
  const validated = await runAf(["validate"], { cwd: scratch.dir });
  expect(validated.code).toBe(3);
  expect(validated.stdout).toMatch(/agentflow\.yaml:5:\d+ +error AF907 +settings\.retain\.dais/);
  scratch.write("agentflow.yaml", `${head}settings:\n  retain: {days: 3}\n`);
  const shown = await runAf(["config", "view", "--origin", "--set"], { cwd: scratch.dir, environment });
  expect(shown.stdout).toMatch(/retain\.days +3 +control-plane +while running +project +.*agentflow\.yaml:5/);
  expect(shown.stdout).toMatch(/worker\.leaseMs +2000 +worker +at start +environment +AF_WORKER__LEASE_MS/);
  expect(shown.stdout).not.toContain("engine.");
  expect(shown.stderr).toContain("as af dev would start here");
});
