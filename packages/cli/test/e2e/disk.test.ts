import { createClient } from "@agentflow/sdk/client";
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { openedHere } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, ready, start } = openedHere();

const mounted: string[] = [];
// Registered last, so that it runs first: a folder with a disk in it cannot be removed.
afterEach(() => {
  for (const dir of mounted.splice(0)) spawnSync("/bin/umount", ["-l", dir]);
});

test("a state folder that cannot be written is an error that says so, within two seconds", async () => {
  const scratch = project(oneTool("return n;"));
  writeFileSync(path.join(scratch.dir, ".agentflow"), "");
  const began = performance.now();
  const dev = start(scratch);
  expect(await dev.exited).toBe(6);
  expect(performance.now() - began).toBeLessThan(2_500);
  expect(dev.said()).toContain("the state folder cannot be written");
  rmSync(path.join(scratch.dir, ".agentflow"));
});

/** A disk of its own for the state; undefined where this user may not make one. */
function smallDisk(dir: string): string | undefined {
  mkdirSync(dir, { recursive: true });
  const { status } = spawnSync("/bin/mount", ["-t", "tmpfs", "-o", "size=8m", "agentflow-e2e", dir]);
  if (status !== 0) return undefined;
  mounted.push(dir);
  return dir;
}

test("a full disk refuses clearly, loses nothing, and when there is room work goes on", async ({ skip }) => {
  const scratch = project(oneTool("return n;"));
  const disk = smallDisk(path.join(scratch.dir, ".agentflow"));
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

function fill(file: string): void {
  for (let bytes = 1_048_576; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch {
      // No room for so much: try with less.
    }
  }
}

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
