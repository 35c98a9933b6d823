import { afterEach, expect, test } from "vitest";
import type { LogRecord, SpanRecord } from "@agentflow/protocol";
import { attemptContext, formatTraceparent, parseTraceparent } from "@agentflow/host/spans";
import { type Runner, runnerEntry, startRunnerProcess } from "../src/index.ts";
import { type Scratch, scratchProject, toolFile } from "./scratch-project.ts";

let opened: { scratch: Scratch; runner: Runner } | undefined;

afterEach(async () => {
  opened?.runner.kill("test ended");
  await opened?.runner.exited;
  opened?.scratch.remove();
});

test("a tool knows its trace context, and its spans stand below the attempt in one trace", async () => {
  const told: (LogRecord | SpanRecord)[] = [];
  const scratch = scratchProject({
    "tools/work.ts": toolFile(`context.log.info("seen");
      const inner = await context.span("ask", ({ traceparent }) => traceparent);
      return { outer: context.traceparent, inner };`),
  });
  const runner = startRunnerProcess(
    {
      entry: runnerEntry,
      projectDir: scratch.dir,
      memoryMb: 128,
      env: { PATH: process.env["PATH"] ?? "" },
    },
    { tele: (records) => told.push(...records), inspecting: () => {} },
  );
  opened = { scratch, runner };
  await runner.loaded;
  const run = "r01hzxyzxyzxyzxyzxyzxyzxyz";
  const of = { run, step: "s", attempt: 1 };
  const context = attemptContext(of);
  const traceparent = formatTraceparent(context);
  const call = {
    kind: "tool",
    name: "work.go",
    input: { n: 1 },
    ...of,
    workflow: "w",
    callId: "c",
    traceparent,
  };
  const end = await runner.call({ ...call, kind: "tool" }, () => {});
  expect(end).toMatchObject({ kind: "output", output: { outer: traceparent } });
  await expect.poll(() => told.length, { timeout: 5_000 }).toBe(2);
  const span = told.find((record) => record.kind === "span");
  expect(span).toMatchObject({ name: "ask", trace: context.trace, parent: context.span });
  expect(told.find((record) => record.kind === "log")).toMatchObject({ trace: context.trace });
  const inner = end.kind === "output" ? JSON.parse(JSON.stringify(end.output)).inner : undefined;
  expect(parseTraceparent(inner)).toEqual({ ...context, span: span?.span });
});
