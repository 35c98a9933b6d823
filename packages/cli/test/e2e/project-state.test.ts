/** What an installation says of a project whose files are at fault or gone. */
import { expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool, toolFile } from "./scratch.ts";

const { project, ready, start } = openedHere();

test("af status says that the code does not load, where, and that the code from before serves", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = await ready(scratch);
  const status = (...args: string[]) => runAf(["status", ...args], { cwd: scratch.dir });
  const { code } = dev.events.find(({ kind }) => kind === "ready") ?? {};
  expect(JSON.parse((await status("--json")).stdout).data.broken).toEqual([]);
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
