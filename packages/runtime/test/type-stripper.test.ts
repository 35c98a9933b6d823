import { hash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { type Runner, runnerEntry, startRunnerProcess } from "../src/index.ts";
import { TypeStripper } from "../src/strip/type-stripper.ts";
import { type Scratch, scratchProject, toolFile } from "./scratch-project.ts";

const opened: Scratch[] = [];
const runners: Runner[] = [];

afterEach(async () => {
  for (const runner of runners.splice(0)) {
    runner.kill("test ended");
    await runner.exited;
  }
  for (const scratch of opened.splice(0)) scratch.remove();
});

function project(files: { readonly [file: string]: string }): Scratch {
  const scratch = scratchProject(files);
  opened.push(scratch);
  return scratch;
}

test("files of a project lose their types, in whatever folder; nothing else is touched", async () => {
  const typed = "export const n: number = 1;\n";
  const { dir } = project({
    "tools/a.ts": typed,
    "lib/deep/b.mts": `export type T = string;\n`,
    "lib/node_modules/c.ts": "export const c: number = 1;\n",
    "tools/d.js": "export const d = 1;\n",
  });
  const stripped = await new TypeStripper(dir).strip();
  expect(Object.keys(stripped)).toHaveLength(2);
  expect(stripped[hash("sha256", typed)]).toBe("export const n         = 1;\n");
});

test("what was stripped once is remembered, what is gone is forgotten, a new file is added", async () => {
  const scratch = project({ "tools/a.ts": "export const a: 1 = 1;\n" });
  const stripper = new TypeStripper(scratch.dir);
  const first = await stripper.strip();
  expect(await stripper.strip()).toEqual(first);
  scratch.write("tools/a.ts", "export const a: 2 = 2;\n");
  expect(await stripper.strip()).toEqual({
    [hash("sha256", "export const a: 2 = 2;\n")]: "export const a    = 2;\n",
  });
});

test("a file that cannot be stripped is left to the runner, and the others are not", async () => {
  const good = "export const a: 1 = 1;\n";
  const { dir } = project({ "tools/a.ts": good, "tools/b.ts": "enum Colour { Red }\n" });
  expect(Object.keys(await new TypeStripper(dir).strip())).toEqual([hash("sha256", good)]);
});

test("a folder that is no project gives nothing, and no error", async () => {
  expect(await new TypeStripper("/nowhere/at/all").strip()).toEqual({});
});

test("a runner takes stripped code for the very file it came from, and no other", async () => {
  const { dir } = project({
    "tools/work.ts": toolFile("return n;"),
    "tools/other.ts": toolFile("return 1;"),
  });
  const source = toolFile("return n;");
  const code = toolFile("return n * 7;").replaceAll(": number", "");
  const runner = startRunnerProcess(
    {
      entry: runnerEntry,
      projectDir: dir,
      memoryMb: 128,
      env: { PATH: process.env["PATH"] ?? "" },
      stripped: Promise.resolve({ [hash("sha256", source)]: code }),
    },
    { tele: () => {}, inspecting: () => {} },
  );
  runners.push(runner);
  await runner.loaded;
  const run = "r01hzxyzxyzxyzxyzxyzxyzxyz";
  const call = (name: string) =>
    runner.call(
      { kind: "tool", name, input: { n: 6 }, run, workflow: "w", step: "s", attempt: 1, callId: `${run}:s` },
      () => {},
    );
  expect(await call("work.go")).toMatchObject({ kind: "output", output: 42 });
  expect(await call("other.go")).toMatchObject({ kind: "output", output: 1 });
});
