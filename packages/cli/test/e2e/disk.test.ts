import { createClient } from "@agentflow/sdk/client";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { openedHere } from "./opened.ts";
import { oneTool } from "./scratch.ts";
import { fill, smallDisks } from "./small-disk.ts";

const { project, ready, start } = openedHere();

const smallDisk = smallDisks();

test("a state folder that cannot be written is an error that says so", async () => {
  const scratch = project(oneTool("return n;"));
  writeFileSync(path.join(scratch.dir, ".agentflow"), "");
  const dev = start(scratch);
  expect(await dev.exited).toBe(6);
  expect(dev.said()).toContain("the state folder cannot be written");
  rmSync(path.join(scratch.dir, ".agentflow"));
});

test("a full disk refuses clearly, loses nothing, and when there is room work goes on", async ({ skip }) => {
  const scratch = project(oneTool("return n;"));
  const disk = smallDisk(path.join(scratch.dir, ".agentflow"), 8);
  if (disk === undefined) {
    skip("mounting a small disk needs root");
    return;
  }
  const dev = await ready(scratch);
  const patient = dev.client();
  expect(await patient.runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: 1 } });
  const filler = path.join(disk, "filler");
  fill(filler);
  const token = readFileSync(path.join(disk, "token"), "utf8").trim();
  const hasty = createClient({ url: dev.url, token, retryForMs: 0 });
  const big = "x".repeat(40_000);
  await expect(fillUp(() => hasty.runs.start("one", { n: 2, big }))).resolves.toMatchObject({
    code: expect.stringMatching(/^(unavailable|limit_exceeded)$/),
    message: expect.stringMatching(/full/),
  });
  hasty.close();
  const waiting = patient.runs.startAndWait("one", { n: 3 });
  rmSync(filler);
  expect(await waiting).toMatchObject({ status: "completed", output: { value: 3 } });
  await dev.end("SIGKILL");
  const next = await ready(scratch);
  const { runs } = await next.client().runs.list({ limit: 100 });
  for (const { run } of runs)
    expect(await next.client().runs.wait(run)).toMatchObject({ status: "completed" });
  await next.end();
});

/** What the first call says that fails. */
async function fillUp(call: () => Promise<unknown>): Promise<unknown> {
  for (let i = 0; i < 300; i++) {
    try {
      await call();
    } catch (error) {
      return error;
    }
  }
  return undefined;
}
