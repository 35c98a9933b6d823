import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { type Dev, leftIn } from "./dev-process.ts";
import { openedHere, until } from "./opened.ts";
import { type Files, type Scratch, oneTool, workflowFile } from "./scratch.ts";

const { project, ready } = openedHere();

/** Three steps; each leaves a line in `calls`, and the second takes its time when it is called first. */
const three: Files = {
  ...oneTool(`
    const fs = await import("node:fs");
    fs.appendFileSync("calls", n + "\\n");
    if (n === 2 && !fs.existsSync("begun")) {
      fs.writeFileSync("begun", "");
      await new Promise((resolve) => setTimeout(resolve, 30_000));
    }
    return n;`),
  "workflows/three.yaml": workflowFile(
    "three",
    [
      'a: {uses: "tool:work.go", with: {n: 1}}',
      'b: {uses: "tool:work.go", with: {n: 2}, needs: [a]}',
      'c: {uses: "tool:work.go", with: {n: 3}, needs: [b]}',
    ],
    "${[steps.a.output, steps.b.output, steps.c.output]}",
  ),
};

async function begin(scratch: Scratch, dev: Dev, workflow = "three"): Promise<string> {
  const { run } = await dev.client().runs.start(workflow, { n: 1 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  return run;
}

/** No step has two results, and the steps that were finished ran once. */
async function expectWhole(scratch: Scratch, dev: Dev, run: string): Promise<void> {
  const { events } = await dev.client().runs.events(run, { limit: 1_000 });
  const kinds = events.map(({ event }) => event.kind);
  expect(kinds.filter((kind) => kind === "step_succeeded")).toHaveLength(3);
  expect(kinds.filter((kind) => kind === "run_completed")).toHaveLength(1);
  expect(readFileSync(path.join(scratch.dir, "calls"), "utf8")).toBe("1\n2\n2\n3\n");
}

test("a killed runner costs one attempt; the run finishes by itself", async () => {
  const scratch = project(three);
  const dev = await ready(scratch);
  const run = await begin(scratch, dev);
  process.kill(dev.runners[0] ?? -1, "SIGKILL");
  expect(await dev.client().runs.wait(run)).toMatchObject({
    status: "completed",
    output: { value: [1, 2, 3] },
  });
  await expectWhole(scratch, dev, run);
});

test("a killed supervisor is replaced, its runner is gone, and the run finishes by itself", async () => {
  const scratch = project(three);
  const dev = await ready(scratch);
  const run = await begin(scratch, dev);
  const [runner] = dev.runners;
  process.kill(dev.supervisor, "SIGKILL");
  await until("its runner is gone", () => !dev.runners.includes(runner ?? -1));
  expect(await dev.next("worker_restarted")).toMatchObject({ reason: "SIGKILL" });
  expect(await dev.client().runs.wait(run)).toMatchObject({ status: "completed" });
  await expectWhole(scratch, dev, run);
});

test("after kill -9 of af dev nothing is left, and the next one finishes the run by itself", async () => {
  const scratch = project(three);
  const first = await ready(scratch);
  const run = await begin(scratch, first);
  await first.end("SIGKILL");
  expect(await leftIn(scratch.dir)).toEqual([]);
  const second = await ready(scratch);
  expect(await second.client().runs.wait(run)).toMatchObject({ status: "completed" });
  await expectWhole(scratch, second, run);
});

test("after kill -9 of every process of the tree the next af dev finishes the run by itself", async () => {
  const scratch = project(three);
  const first = await ready(scratch);
  const run = await begin(scratch, first);
  const { why } = first.client().runs;
  await until("why names who has the step", async () => (await why(run)).reasons[0]?.holder === "local", 500);
  for (const { pid } of first.tree()) process.kill(pid, "SIGKILL");
  await first.exited;
  expect(await leftIn(scratch.dir)).toEqual([]);
  const second = await ready(scratch);
  const { runs } = second.client();
  expect(await runs.wait(run)).toMatchObject({ status: "completed" });
  await expectWhole(scratch, second, run);
  // What was killed is in the history, though the attempt is the same.
  const [, interrupted] = (await runs.get(run)).steps;
  expect(interrupted).toMatchObject({ step: "b", attempts: [{ attempt: 1, outcome: "succeeded" }] });
  expect(interrupted?.attempts[0]?.interruptions).toMatchObject([{ holder: { worker: "local" } }]);
});

test.each(["dev", "supervisor", "runner"] as const)(
  "kill -9 of the %s leaves no child of a tool and no runner whose loop is blocked",
  async (victim) => {
    const scratch = project({
      ...oneTool(`
        const { spawn } = await import("node:child_process");
        const fs = await import("node:fs");
        if (fs.existsSync("begun")) return n;
        spawn("sleep", ["1000"], { stdio: "ignore" });
        fs.writeFileSync("begun", "");
        for (;;);`),
    });
    const dev = await ready(scratch);
    await begin(scratch, dev, "one");
    const before = dev.tree().filter(({ command }) => /sleep 1000|runner\/main/.test(command));
    expect(before).toHaveLength(2);
    const [runner] = dev.runners;
    if (victim === "dev") dev.signal("SIGKILL");
    else process.kill(victim === "runner" ? (runner ?? -1) : dev.supervisor, "SIGKILL");
    const alive = (): number => before.filter(({ pid }) => existsSync(`/proc/${pid}/cwd`)).length;
    await until("both are gone", () => alive() === 0);
  },
);

test("a durable wait survives kill -9 and ends when it was due", async () => {
  const scratch = project({
    ...oneTool("return n;"),
    "workflows/nap.yaml": workflowFile(
      "nap",
      ["nap: {uses: wait, with: {for: 3s}}", 'a: {uses: "tool:work.go", with: {n: 5}, needs: [nap]}'],
      "${steps.a.output}",
    ),
  });
  const first = await ready(scratch);
  const began = performance.now();
  const { run } = await first.client().runs.start("nap", {});
  await first.end("SIGKILL");
  const second = await ready(scratch);
  expect(await second.client().runs.wait(run)).toMatchObject({ status: "completed", output: { value: 5 } });
  expect(performance.now() - began).toBeGreaterThan(2_900);
});

const irreversible = (): Files =>
  oneTool(
    `const fs = await import("node:fs");
    fs.appendFileSync("calls", n + "\\n");
    fs.writeFileSync("begun", "");
    if (!fs.existsSync("again")) await new Promise((resolve) => setTimeout(resolve, 30_000));
    return n;`,
    { options: `effect: "irreversible"` },
  );

test("an irreversible call is not repeated by an af dev that follows one that was killed", async () => {
  const scratch = project(irreversible());
  const first = await ready(scratch);
  const { run } = await first.client().runs.start("one", { n: 7 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  await first.end("SIGKILL");
  scratch.write("again", "");
  const second = await ready(scratch);
  const { runs } = second.client();
  await until("the run is parked", async () => (await runs.get(run)).status === "parked");
  expect((await runs.why(run)).reasons).toMatchObject([{ reason: "outcome_unknown", step: "a" }]);
  expect(readFileSync(path.join(scratch.dir, "calls"), "utf8")).toBe("7\n");
  await runs.resolve(run, { step: "a", as: "done", output: 8 });
  expect(await runs.wait(run)).toMatchObject({ status: "completed", output: { value: 8 } });
});

test.each([
  { as: "done", output: 9, ends: { status: "completed", output: { value: 9 } }, calls: 1 },
  { as: "failed", message: "the bank says no", ends: { status: "failed" }, calls: 1 },
  { as: "retry", ends: { status: "completed", output: { value: 7 } }, calls: 2 },
] as const)(
  "an irreversible call that was killed in the middle is parked until somebody says $as",
  async ({ ends, calls, ...answer }) => {
    const scratch = project(irreversible());
    const dev = await ready(scratch);
    const { runs } = dev.client();
    const { run } = await runs.start("one", { n: 7 });
    await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
    const waited = runs.wait(run);
    process.kill(dev.runners[0] ?? -1, "SIGKILL");
    await dev.next("step_unknown");
    const parked = { status: "parked", failure: { code: "outcome_unknown" } };
    // Whoever waited is told, and whoever begins to wait now.
    expect(await waited).toMatchObject(parked);
    expect(await runs.wait(run)).toMatchObject(parked);
    const why = await runs.why(run);
    expect(why.reasons).toMatchObject([
      { reason: "outcome_unknown", step: "a", command: expect.stringContaining(run) },
    ]);
    scratch.write("again", "");
    await runs.resolve(run, { step: "a", ...answer });
    expect(await runs.wait(run)).toMatchObject(ends);
    expect(readFileSync(path.join(scratch.dir, "calls"), "utf8")).toBe("7\n".repeat(calls));
  },
);
