import { findNatsServer, natsServerMissing } from "@agentflow/bus/servers";
import { exitCodes } from "@agentflow/protocol";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCommandTable } from "../src/help/parse-command-table.ts";
import { type Ran, bin, runAf, wordsOf } from "./run-af.ts";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const head = "apiVersion: agentflow.dev/v1\nkind: Workflow\n";
const slow = `${head}name: slow\nsteps: {nap: {uses: wait, with: {for: 1h}}}\n`;
const broken = `${head}name: broken\nsteps: {shout: {uses: "tool:broken.shout", with: {}}}\n`;
const throws = `import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
export const shout = defineTool({
  description: "Throws", input: z.object({}), output: z.object({}), effect: "pure",
  async run(_input, { log }) {
    log.info("\\u001b[2Jabout to break");
    console.log("\\u001b[2Jsaid by the way");
    throw new Error("it broke \\u001b]0;owned\\u0007");
  },
});
`;

let parent: string;
let project: string;
let dev: ChildProcess;

beforeAll(async () => {
  parent = realpathSync(mkdtempSync(path.join(tmpdir(), "af-real-")));
  project = path.join(parent, "real");
  const made = await runAf(["init", "real", "--no-install", "--no-git"], { cwd: parent });
  expect(made.code).toBe(0);
  symlinkSync(modules, path.join(project, "node_modules"));
  writeFileSync(path.join(project, "workflows/slow.yaml"), slow);
  writeFileSync(path.join(project, "workflows/broken.yaml"), broken);
  writeFileSync(path.join(project, "tools/broken.ts"), throws);
  dev = await started([], project);
});

afterAll(async () => {
  await ended(dev);
  rmSync(parent, { recursive: true, force: true });
});

/** `af dev` that has said it is ready. */
async function started(
  args: readonly string[],
  cwd: string,
  environment: { readonly [name: string]: string } = {},
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [bin, "dev", "--json", "--port", "0", ...args], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    const take = (chunk: Buffer): void => {
      said += chunk.toString("utf8");
      if (said.includes('"kind":"ready"')) resolve();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("close", () => reject(new Error(`af dev ended: ${said}`)));
  });
  return child;
}

async function ended(child: ChildProcess): Promise<number | null> {
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.kill("SIGTERM");
  return closed;
}

const af = (...args: string[]): Promise<Ran> => runAf(args, { cwd: project });

test("the project that init makes is valid, runs, and explains itself", async () => {
  expect(await af("validate")).toMatchObject({ code: 0 });
  const ran = await af("run", "hello", "name=Ada");
  expect(JSON.parse(ran.stdout)).toEqual({ lines: ["Hello, Ada!", "Nice to meet you."] });
  expect(ran.stderr).toMatch(/✓ greet[\s\S]*✓ answer[\s\S]*✓ completed in/);
  const trace = await af("trace", "@last");
  expect(trace.stdout).toMatch(/greet[\s\S]*answer[\s\S]*talk/);
  const logs = await af("logs", "--run", "@last", "--with", "state");
  expect(logs.stdout).toMatch(/run_started[\s\S]*run_completed/);
});

test("a key that a tool does not know is a warning at its place, and an error with --strict", async () => {
  const steps = 'steps: {hi: {uses: "tool:hello.greet", with: {name: x, nmae: "${input.name}"}}}';
  writeFileSync(path.join(project, "workflows/typo.yaml"), `${head}name: typo\n${steps}\n`);
  const ran = await af("validate");
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(
    /workflows\/typo\.yaml:4:56 +warning AF406 +tool hello\.greet: nmae .*mean "name"/,
  );
  expect(ran.stdout).toContain("hint: it takes name");
  expect((await af("validate", "--strict")).code).toBe(3);
  rmSync(path.join(project, "workflows/typo.yaml"));
});

test("an input nested thousands of levels deep is the caller's fault, with the limit", async () => {
  for (const levels of [64, 4_000, 30_000]) {
    writeFileSync(path.join(project, "deep.json"), `${"[".repeat(levels)}${"]".repeat(levels)}`);
    const ran = await af("run", "hello", "--input", "@deep.json");
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(/nested deeper than 63 levels/) });
  }
});

test("every command that asks answers in the envelope", async () => {
  await af("run", "hello", "--detach");
  const asked = [
    "run list",
    "run get @last",
    "trace @last",
    "status",
    "workflow list",
    "workflow inspect hello",
  ];
  const more = [
    "tool list",
    "tool inspect hello.greet",
    "agent inspect greeter",
    "worker list",
    "worker inspect local",
  ];
  for (const words of [...asked, ...more, "agent list", "key list", "audit", "doctor", "config view"]) {
    const ran = await af(...words.split(" "), "--json");
    expect(`${words} ${ran.code} ${ran.stderr}`.trim()).toBe(`${words} 0`);
    expect(JSON.parse(ran.stdout)).toMatchObject({ v: 1, ok: true });
  }
});

test("a run that fails ends with 10 everywhere, and what it said steers no terminal", async () => {
  const ran = await af("run", "broken");
  expect(ran).toMatchObject({ code: exitCodes.runFailed, stdout: "" });
  const why = await af("why", "@last");
  expect(why.code).toBe(exitCodes.runFailed);
  const logs = await af("logs", "--run", "@last", "-f", "--with", "state");
  expect(logs.code).toBe(exitCodes.runFailed);
  expect(ran.stderr + why.stdout + logs.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(logs.stdout).toContain("about to break");
  expect((await af("logs", "--source", "runner,tool")).stdout).toContain("said by the way");
});

test("a run that waits is well, is left at Ctrl-C, and can be cancelled", async () => {
  const left = await runAf(["run", "slow"], {
    cwd: project,
    onStart: (pid) => setTimeout(() => process.kill(pid, "SIGINT"), 1_500),
  });
  expect(left.code).toBe(exitCodes.interrupted);
  expect(await af("why", "@last")).toMatchObject({ code: 0 });
  const waited = await af("run", "slow", "--wait", "500ms");
  expect(waited.code).toBe(7);
  expect((await af("run", "cancel", "@last", "--reason", "enough")).stdout).toContain("cancelled");
  expect((await af("run", "watch", "@last")).code).toBe(exitCodes.runCancelled);
});

test("input that does not fit is refused with the key that is wrong", async () => {
  const ran = await af("run", "hello", "nmae=Ada");
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain("nmae");
});

test("a key opens the door until it is revoked", async () => {
  const { data } = JSON.parse((await af("key", "create", "laptop", "--scope", "runs:read", "--json")).stdout);
  const url = JSON.parse((await af("status", "--json")).stdout).data.url;
  const environment = { AF_URL: url, AF_TOKEN: data.key };
  expect((await runAf(["run", "list"], { cwd: parent, environment })).code).toBe(0);
  expect((await runAf(["run", "cancel", "@last"], { cwd: parent, environment })).code).toBe(5);
  expect((await af("key", "revoke", data.view.id, "--yes")).code).toBe(0);
  await expect
    .poll(async () => (await runAf(["run", "list"], { cwd: parent, environment })).code, { timeout: 5_000 })
    .toBe(5);
});

test("what was done and what was refused stands in the audit trail", async () => {
  const { data } = JSON.parse((await af("key", "create", "seen", "--scope", "runs:read", "--json")).stdout);
  const url = JSON.parse((await af("status", "--json")).stdout).data.url;
  const environment = { AF_URL: url, AF_TOKEN: data.key };
  expect((await runAf(["audit"], { cwd: parent, environment })).code).toBe(5);
  expect((await af("audit", "--since", "10m")).stdout).toMatch(/ local +createKey +done/);
  const refused = await af("audit", "--installation", "--json", "--limit", "1");
  const last = { by: `key:${data.view.id}`, did: "listAudit", outcome: "refused", reason: "scope_missing" };
  expect(JSON.parse(refused.stdout).data.records).toMatchObject([last]);
});

test("the examples of af dev start an installation that ends with 0", async () => {
  const dir = path.join(parent, "examples");
  expect((await runAf(["init", "examples", "--no-install", "--no-git"], { cwd: parent })).code).toBe(0);
  symlinkSync(modules, path.join(dir, "node_modules"));
  const missing = await natsServerMissing();
  for (const example of readCommandTable().commands["dev"]?.examples ?? []) {
    // Workers in containers need images, and have a long test of their own.
    if (example.includes("--on docker")) continue;
    const ownNats = example.includes("--bus nats");
    if (ownNats && missing !== undefined) continue;
    const environment = ownNats ? { AF_NATS_SERVER: await findNatsServer() } : {};
    // Any free port instead of the one that is named: others may hold it.
    const words = wordsOf(example.replace(/--port \d+/, "").replace(/--inspect \d+/, "--inspect 0"));
    const dev = await started(words.slice(2), dir, environment);
    expect([example, await ended(dev)]).toEqual([example, 0]);
  }
}, 120_000);
