/** What an installation says of a project whose files are at fault or gone. */
import { chmodSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool, toolFile, workflowFile } from "./scratch.ts";

const { project, ready, start } = openedHere();

test("af status says that the code does not load, where, and that the code from before serves", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = await ready(scratch);
  const status = (...args: string[]) => runAf(["status", ...args], { cwd: scratch.dir });
  const { code } = dev.events.find(({ kind }) => kind === "ready") ?? {};
  const before = await status();
  expect(before.stdout).toMatch(/ready +yes +accepts, bus, read_model, shards\n/);
  expect(before.stdout).toMatch(/shards +64 owned by local\n/);
  expect(JSON.parse((await status("--json")).stdout).data).toMatchObject({ broken: [], ready: { ok: true } });
  scratch.write("tools/work.ts", toolFile("return nothere +;"));
  await dev.next("broken");
  await until("its row arrived", async () => (await dev.client().status()).broken.length === 1);
  const told = await status();
  expect(told.code).toBe(0);
  expect(told.stdout).toMatch(/code +does not load: tools\/work\.ts:8:\d+/);
  expect(told.stdout).toContain(`the code from before (${String(code)}) goes on serving`);
  const { broken } = JSON.parse((await status("--json")).stdout).data;
  expect(broken).toMatchObject([
    {
      worker: "local",
      serving: code,
      problem: { file: "tools/work.ts", line: 8, column: expect.any(Number) },
    },
  ]);
  scratch.write("tools/work.ts", toolFile("return n;"));
  await dev.next("reloaded");
  await until("it is said no longer", async () => !(await status()).stdout.includes("does not load"));
});

test("af status of a project that never loaded says that nothing can run", async () => {
  const scratch = project({ ...oneTool("return n;"), "tools/work.ts": toolFile("return nothere +;") });
  const dev = start(scratch);
  await dev.next("broken");
  const client = await dev.clientByFile();
  await until("its row arrived", async () => (await client.status()).broken.length === 1);
  const told = await runAf(["status"], { cwd: scratch.dir });
  expect(told.stdout).toMatch(
    /code +does not load: tools\/work\.ts:8:\d+[\s\S]*nothing can run until it loads/,
  );
});

test("a workflow whose file is removed starts no more until it comes back; its runs go on", async () => {
  const slow = workflowFile("slow", ["nap: {uses: wait, with: {for: 1500ms}}"], "done");
  const scratch = project({ ...oneTool("return n;"), "workflows/slow.yaml": slow });
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  const { run } = await runs.start("slow", {});
  rmSync(path.join(scratch.dir, "workflows/slow.yaml"));
  expect(await dev.next("removed")).toMatchObject({ workflows: ["slow"] });
  const refused = await af("run", "slow");
  expect(refused.code).toBe(4);
  expect(refused.stderr).toMatch(/workflow "slow" was removed from the project at .*; put the file back/);
  expect(refused.stderr).toContain("workflows/slow.yaml");
  expect((await af("workflow", "list")).stdout).not.toContain("slow");
  expect((await af("workflow", "list", "--all")).stdout).toMatch(/slow .*removed .* ago/);
  expect(await runs.wait(run)).toMatchObject({ status: "completed", output: { value: "done" } });
  // A file that cannot be read is not one that is gone.
  scratch.write("workflows/one.yaml", "name: [");
  await dev.next("findings");
  expect((await af("run", "one", "--detach", "n:=1")).code).toBe(0);
  const seen = dev.events.length;
  scratch.write("workflows/slow.yaml", slow);
  await dev.next("registered", { after: seen });
  expect(await runs.startAndWait("slow", {})).toMatchObject({ status: "completed" });
});

test("a token that others could read, as one that came with a copy, opens nothing", async () => {
  const known = "a".repeat(64);
  const scratch = project({ ...oneTool("return n;"), ".agentflow/token": known });
  const folder = path.join(scratch.dir, ".agentflow");
  const token = path.join(folder, "token");
  chmodSync(folder, 0o755);
  chmodSync(token, 0o644);
  const dev = await ready(scratch);
  const { url } = await dev.ready;
  const answer = await fetch(`${String(url)}/v1/runs`, { headers: { authorization: `Bearer ${known}` } });
  expect(answer.status).toBe(401);
  expect(readFileSync(token, "utf8")).not.toContain(known);
  expect(statSync(token).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});
