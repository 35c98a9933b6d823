import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { expect, test } from "vitest";
import { openedHere, until } from "./opened.ts";
import { oneTool, toolFile, workflowFile } from "./scratch.ts";

const { project, ready, start } = openedHere();

const twoSteps = workflowFile(
  "two",
  [
    'first: {uses: "tool:work.go", with: {n: 1}}',
    'second: {uses: "tool:work.go", with: {n: 2}, needs: [first]}',
  ],
  "${steps.first.output + ' ' + steps.second.output}",
);

/** The first call waits for the file `go` in the project; all answer with the version. */
function versioned(version: string): string {
  return toolFile(
    `const fs = await import("node:fs");
    fs.writeFileSync("begun-" + n, "");
    while (n === 1 && !fs.existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
    return "${version}";`,
  );
}

test("a run completes on what was just started, and one saved tool later on the new code", async () => {
  const scratch = project(oneTool("return n * 2;"));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  expect(await runs.startAndWait("one", { n: 21 })).toMatchObject({ output: { value: 42 } });
  scratch.write("tools/work.ts", toolFile("return n * 3;"));
  expect(await dev.next("reloaded")).toMatchObject({
    outcome: "loaded",
    files: ["tools/work.ts"],
    onOldCode: [],
  });
  expect(await runs.startAndWait("one", { n: 21 })).toMatchObject({ output: { value: 63 } });
});

test("a step in flight ends on the old code, later steps use the new, and the run names both", async () => {
  const scratch = project({ "tools/work.ts": versioned("old"), "workflows/two.yaml": twoSteps });
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const { run } = await runs.start("two", {});
  await until("the first step began", () => existsSync(path.join(scratch.dir, "begun-1")));
  scratch.write("tools/work.ts", versioned("new"));
  const reloaded = await dev.next("reloaded");
  expect(reloaded).toMatchObject({
    outcome: "loaded",
    onOldCode: [{ run, step: "first", uses: "tool:work.go" }],
  });
  scratch.write("go", "");
  expect(await runs.wait(run)).toMatchObject({ status: "completed", output: { value: "old new" } });
  expect((await runs.get(run)).codes).toHaveLength(2);
  await until("the old runner left", () => dev.runners.length === 1);
});

test("twenty saves in a row refuse no connection", async () => {
  const scratch = project(oneTool("return 0;"));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const failed: string[] = [];
  const poll = setInterval(() => {
    const request = http.get(new URL("/livez", dev.url), { agent: false }, (response) => response.resume());
    request.on("error", (error) => failed.push(error.message));
  }, 20);
  const tookMs: number[] = [];
  try {
    for (let version = 1; version <= 20; version++) {
      const began = performance.now();
      scratch.write("tools/work.ts", toolFile(`return ${version};`));
      await until(`version ${version} answers`, async () => {
        const { output } = await runs.startAndWait("one", { n: 1 });
        return JSON.stringify(output) === `{"value":${version}}`;
      });
      tookMs.push(performance.now() - began);
    }
  } finally {
    clearInterval(poll);
  }
  expect(failed).toEqual([]);
  tookMs.sort((a, b) => a - b);
  process.stdout.write(
    `save to new code: p50 ${Math.round(tookMs[9] ?? 0)} ms, p95 ${Math.round(tookMs[18] ?? 0)} ms; ` +
      `ready ${Math.round(dev.readyMs)} ms\n`,
  );
});

const good = toolFile("return 1;");
test.each([
  {
    fault: "a syntax error",
    code: `${good}\nexport const x = (;\n`,
    said: {
      message: expect.stringContaining("Expression expected"),
      line: 11,
      column: 19,
      frame: expect.stringContaining("export const x = (;\n"),
    },
  },
  {
    fault: "an enum",
    code: `${good}\nenum Color { Red }\n`,
    said: {
      message: expect.stringContaining("enum"),
      line: 11,
      column: 1,
      frame: "enum Color { Red }\n^",
      hint: expect.stringContaining("const object"),
    },
  },
  {
    fault: "a missing import",
    code: `import { gone } from "./gone.ts";\n${good}console.log(gone);\n`,
    said: {
      message: expect.stringContaining("gone.ts"),
      line: 1,
      column: expect.any(Number),
      frame: expect.stringContaining(`import { gone } from "./gone.ts";`),
    },
  },
  {
    fault: "an export that is not there",
    code: `import { gone } from "./other.ts";\n${good}console.log(gone);\n`,
    said: {
      message: expect.stringContaining("gone"),
      line: 1,
      column: expect.any(Number),
      frame: expect.stringContaining("import { gone }"),
    },
  },
  {
    fault: "a throw at the top",
    code: `${good}\nthrow new Error("not today");\n`,
    said: { message: "not today", line: 11, column: 7, frame: `throw new Error("not today");\n      ^` },
  },
])("$fault is shown with its place, the old code serves, and a fix loads", async ({ code, said }) => {
  const scratch = project({ ...oneTool("return 1;"), "tools/other.ts": "export const here = 1;\n" });
  const dev = await ready(scratch);
  const { runs } = dev.client();
  scratch.write("tools/work.ts", code);
  const broken = await dev.next("broken");
  expect(broken).toMatchObject({
    outcome: "broken",
    oldServes: true,
    problem: { file: "tools/work.ts", ...said },
  });
  expect(await runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: 1 } });
  scratch.write("tools/work.ts", toolFile("return 2;"));
  await dev.next("reloaded", { where: ({ outcome }) => outcome === "loaded" });
  expect(await runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: 2 } });
});

test("code that was broken at the start: runs wait, why says so, and the fix lets them finish", async () => {
  const scratch = project(oneTool("return 1;"));
  const before = await ready(scratch);
  expect(await before.client().runs.startAndWait("one", { n: 1 })).toMatchObject({ status: "completed" });
  await before.end();
  scratch.write("tools/work.ts", `${good}\nthrow new Error("not today");\n`);
  const dev = start(scratch);
  expect(await dev.next("broken")).toMatchObject({
    oldServes: false,
    problem: { line: 11, message: "not today" },
  });
  // Programs wait for `ready`; here the address stands in the file that other commands read.
  const { runs } = await dev.clientByFile();
  const { run } = await runs.start("one", { n: 1 });
  await until("why names the broken code", async () => {
    const why = await runs.why(run);
    return why.reasons.some(({ reason }) => reason === "code_broken");
  });
  scratch.write("tools/work.ts", toolFile("return 2;"));
  expect(await runs.wait(run)).toMatchObject({ status: "completed", output: { value: 2 } });
  await dev.next("ready");
});

test("a saved workflow is registered without a new runner", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = await ready(scratch);
  const runners = dev.runners;
  scratch.write(
    "workflows/one.yaml",
    workflowFile("one", ['a: {uses: "tool:work.go", with: {n: 7}}'], "${steps.a.output}"),
  );
  expect(await dev.next("registered")).toMatchObject({ files: ["workflows/one.yaml"], workflows: ["one"] });
  expect(dev.runners).toEqual(runners);
  expect(await dev.client().runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: 7 } });
});

test("a workflow with faults is shown with line and column, and its last good version stays", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = await ready(scratch);
  const wrong = workflowFile("one", ['a: {uses: "tool:work.gone", with: {n: 7}}'], "${steps.a.output}");
  scratch.write("workflows/one.yaml", wrong);
  const { findings } = await dev.next("findings");
  expect(findings).toMatchObject([
    { severity: "error", file: "workflows/one.yaml", line: 7, column: expect.any(Number) },
  ]);
  expect(await dev.client().runs.startAndWait("one", { n: 5 })).toMatchObject({ output: { value: 5 } });
  const after = dev.events.length;
  scratch.write("workflows/one.yaml", "steps: [\n");
  expect((await dev.next("findings", { after }))["findings"]).toMatchObject([
    { file: "workflows/one.yaml", line: expect.any(Number) },
  ]);
  expect(await dev.client().runs.startAndWait("one", { n: 6 })).toMatchObject({ output: { value: 6 } });
});

test("the inspector is open in the runner that serves, before and after a reload", async () => {
  const scratch = project(oneTool("return n;"));
  const port = 20_000 + (process.pid % 20_000);
  const dev = await ready(scratch, { args: ["--inspect", String(port)] });
  await dev.next("inspecting", { where: ({ url }) => String(url).includes(`:${port}/`) });
  const after = dev.events.length;
  scratch.write("tools/work.ts", toolFile("return n + 1;"));
  await dev.next("reloaded");
  const { url } = await dev.next("inspecting", { after });
  const targets = await fetch(`http://127.0.0.1:${port}/json/list`).then((response) => response.json());
  expect(targets).toMatchObject([{ webSocketDebuggerUrl: url }]);
  await until("the old runner left", () => dev.runners.length === 1);
});
