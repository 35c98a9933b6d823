import { existsSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { openedHere, until } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, ready } = openedHere();

/** What a tool does on its first attempt; the second answers. `begun` tells that it is at it. */
const firstly = (body: string): string => `
  const fs = await import("node:fs");
  if (context.attempt > 1) return n;
  fs.writeFileSync("begun", "");
  ${body}`;

test.each([
  {
    tool: "throws",
    body: `throw Object.assign(new Error("no such order"), { code: "ORDER_GONE" });`,
    failure: { code: "order_gone", message: "no such order" },
  },
  {
    tool: "hangs",
    body: "await new Promise((resolve) => setTimeout(resolve, 60_000));",
    failure: {
      code: "timeout",
      message: "no answer within its timeout of 500ms, nor did it stop when asked: its runner was ended",
    },
  },
  {
    tool: "blocks its loop",
    body: "for (;;);",
    failure: {
      code: "timeout",
      message: "no answer within its timeout of 500ms, nor did it stop when asked: its runner was ended",
    },
  },
  {
    tool: "answers with what its schema forbids to be",
    body: `return { big: 1n };`,
    failure: { message: expect.stringContaining("BigInt") },
  },
])("a tool that $tool fails its attempt, which is retried", async ({ body, failure }) => {
  const step = ", timeout: 500ms, retry: {max: 2, backoff: 10ms}";
  const scratch = project(oneTool(firstly(body), { step }));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const answer = await runs.startAndWait("one", { n: 3 });
  expect(answer).toMatchObject({ status: "completed", output: { value: 3 } });
  const [view] = (await runs.get(answer.run)).steps;
  expect(view?.attempts).toMatchObject([{ outcome: "failed", failure }, { outcome: "succeeded" }]);
});

test("a tool that fails for good fails the run, and why says with what and where to look", async () => {
  const scratch = project(oneTool(`throw new Error("no such order");`));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const answer = await runs.startAndWait("one", { n: 3 });
  expect(answer).toMatchObject({
    status: "failed",
    failure: { message: expect.stringContaining("no such order") },
  });
  const why = await runs.why(answer.run);
  expect(why.reasons).toMatchObject([{ reason: "failed", step: "a" }]);
  expect(JSON.stringify(why)).toContain("no such order");
});

test.each([
  { tool: "exits", body: "process.exit(3);", reason: "code 3" },
  { tool: "kills itself", body: `process.kill(process.pid, "SIGKILL");`, reason: "SIGKILL" },
  {
    tool: "throws where nobody catches",
    body: `setTimeout(() => { throw new Error("later"); }, 1);
      await new Promise(() => setTimeout(() => {}, 60_000));`,
    reason: "uncaught_error: Error: later (at tools/work.ts:",
  },
  {
    tool: "takes more memory than it may",
    body: "const kept = []; for (;;) kept.push(new Array(100_000).fill(kept.length));",
    reason: "SIGABRT",
  },
])(
  "a tool that $tool takes only its runner with it: the attempt is lost and tried again",
  async ({ body, reason }) => {
    const scratch = project(oneTool(firstly(body)));
    const dev = await ready(scratch);
    const { runs } = dev.client();
    const answer = await runs.startAndWait("one", { n: 3 });
    expect(answer).toMatchObject({ status: "completed", output: { value: 3 } });
    expect(await dev.next("attempt_lost")).toMatchObject({
      run: answer.run,
      event: { reason: expect.stringContaining(reason) },
    });
    expect(await runs.startAndWait("one", { n: 4 })).toMatchObject({ output: { value: 4 } });
  },
);

test("a tool that floods its output ends, and what was dropped is counted in the log", async () => {
  const flood = `for (let i = 0; i < 200_000; i++) process.stdout.write("line " + i + "\\n"); return n;`;
  const scratch = project(oneTool(flood));
  const dev = await ready(scratch);
  const client = dev.client();
  expect(await client.runs.startAndWait("one", { n: 3 })).toMatchObject({ output: { value: 3 } });
  await until("a line says what was dropped", async () => {
    const { records } = await client.telemetry.query({ kind: "log", grep: "lines dropped", limit: 10 });
    return records.length > 0;
  });
});

const ignoresStop = firstly("for (;;) await new Promise((resolve) => setTimeout(resolve, 20));");

test("a cancelled run whose tool ignores the signal ends at once, and its runner is replaced", async () => {
  const scratch = project(oneTool(ignoresStop));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const { run } = await runs.start("one", { n: 3 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  const [runner] = dev.runners;
  const asked = performance.now();
  await runs.cancel(run, { reason: "enough" });
  expect(await runs.wait(run)).toMatchObject({ status: "cancelled" });
  expect(performance.now() - asked).toBeLessThan(5_000);
  await until("the runner is gone", () => !dev.runners.includes(runner ?? -1));
  await until("another one serves", () => dev.runners.length === 1);
});

test("a run is cancelled while its worker is dead", async () => {
  const scratch = project(oneTool(ignoresStop));
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const { run } = await runs.start("one", { n: 3 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  process.kill(dev.supervisor, "SIGSTOP");
  const asked = performance.now();
  const stopped = dev.supervisor;
  await runs.cancel(run);
  expect(await runs.wait(run)).toMatchObject({ status: "cancelled" });
  expect(performance.now() - asked).toBeLessThan(5_000);
  process.kill(stopped, "SIGCONT");
});

test("a tool that logs by the megabyte loses what is too much, and later lines arrive", async () => {
  const scratch = project(
    oneTool(`for (let i = 0; i < 40; i++) context.log.info("big", { text: "y".repeat(n) });
      context.log.info("and then");
      return n;`),
  );
  const dev = await ready(scratch);
  const { runs, telemetry } = dev.client();
  await runs.startAndWait("one", { n: 60_000 });
  const { run } = await runs.startAndWait("one", { n: 1 });
  await until("its lines are there", async () => {
    const { records } = await telemetry.query({ kind: "log", run });
    return records.some((record) => record.kind === "log" && record.message === "and then");
  });
});
