/** Another tenant on a real installation, and ended runs that leave the log when an operator says so. */
import { makeRunId } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { openedHere } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, ready } = openedHere();

test("a key of another tenant opens that tenant alone, and hands on nothing beyond it", async () => {
  const scratch = project(oneTool("return n * 2;"));
  const dev = await ready(scratch);
  const af = (args: readonly string[], environment = {}) => {
    return runAf(args, { cwd: scratch.dir, environment });
  };
  const { run } = await dev.client().runs.startAndWait("one", { n: 1 });
  const made = await af(["key", "create", "acme", "--tenant", "acme", "--scope", "admin"]);
  expect(made.code).toBe(0);
  const env = { AF_TOKEN: made.stdout.trim() };
  const listed = await af(["run", "list", "--json"], env);
  expect(JSON.parse(listed.stdout)).toMatchObject({ ok: true, data: { runs: [] } });
  expect((await af(["run", "get", run], env)).code).toBe(4);
  const beyond = ["key", "create", "more", "--tenant", "default"];
  const refused = await af(beyond, env);
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining("scope_missing")]);
  expect((await af(["run", "archive", "--keep", "0"], env)).code).toBe(5);
  await dev.end();
});

test("af run archive moves ended runs at once, and they read as before", async () => {
  const scratch = project(oneTool("return n * 2;"));
  const dev = await ready(scratch);
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  const unsaid = await af("run", "archive");
  expect([unsaid.code, unsaid.stderr]).toEqual([2, expect.stringContaining("--keep")]);
  const wrong = await af("run", "archive", "--older-than", "soon");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("invalid_duration")]);
  const { runs } = dev.client();
  const old = makeRunId(Date.now() - 7_200_000, randomBytes(10));
  await runs.startAndWait("one", { n: 7 }, { run: old });
  const young = (await runs.startAndWait("one", { n: 8 })).run;
  const moved = await af("run", "archive", "--keep", "0", "--json");
  // The other's id is younger than an hour.
  expect(JSON.parse(moved.stdout)).toMatchObject({ ok: true, data: { archived: 1 } });
  for (const [run, output] of [
    [old, 14],
    [young, 16],
  ] as const) {
    expect(await runs.get(run)).toMatchObject({ status: "completed", output: { value: output } });
  }
  await dev.end();
});
