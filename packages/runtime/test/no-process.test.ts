import { closeSync, openSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { runnerEntry, startRunnerProcess } from "../src/index.ts";
import { type Scratch, scratchProject, toolFile } from "./scratch-project.ts";

const opened: Scratch[] = [];
const descriptorsMax = 100_000;

afterEach(() => {
  for (const scratch of opened.splice(0)) scratch.remove();
});

function start(projectDir: string) {
  return startRunnerProcess(
    { entry: runnerEntry, projectDir, memoryMb: 128, env: { PATH: process.env["PATH"] ?? "" } },
    { tele: () => {}, inspecting: () => {} },
  );
}

/** Takes every file descriptor that this process may have, does the work, and gives them back. */
function withoutDescriptors<T>(work: () => T): T {
  const taken: number[] = [];
  try {
    while (taken.length < descriptorsMax) taken.push(openSync("/dev/null", "r"));
    throw new Error("this process may open more files than a test should");
  } catch {
    return work();
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}

function project(): Scratch {
  const scratch = scratchProject({ "tools/work.ts": toolFile("return n;") });
  opened.push(scratch);
  return scratch;
}

// This was an exception that nobody caught: it ended the worker, and all attempts in hand with it.
test("a runner that the system has no process for is one that ended, not an exception", async () => {
  const { dir } = project();
  const runner = withoutDescriptors(() => start(dir));
  expect(await runner.loaded).toMatchObject({
    ended: true,
    problem: { message: expect.stringContaining("EMFILE") },
  });
  expect(await runner.exited).toMatch(/^runner_not_started: .*EMFILE/);
  runner.kill("as any other");
});

test("a project folder that is gone is said the same way", async () => {
  const runner = start("/nowhere/at/all");
  expect(await runner.loaded).toMatchObject({
    ended: true,
    problem: { message: expect.stringContaining("ENOENT") },
  });
});
