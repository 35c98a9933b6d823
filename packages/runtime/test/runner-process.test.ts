import type { LogRecord, SpanRecord } from "@agentflow/protocol";
import { execFileSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Call, type Runner, runnerEntry, startRunnerProcess } from "../src/index.ts";
import { type Scratch, scratchProject, toolFile } from "./scratch-project.ts";

const opened: { scratch: Scratch; runner: Runner }[] = [];

afterEach(async () => {
  for (const { scratch, runner } of opened.splice(0)) {
    runner.kill("test ended");
    await runner.exited;
    scratch.remove();
  }
});

interface Started {
  readonly runner: Runner;
  readonly scratch: Scratch;
  readonly told: (LogRecord | SpanRecord)[];
}

function start(files: { readonly [file: string]: string }, loadTimeoutMs?: number): Started {
  const scratch = scratchProject(files);
  const told: (LogRecord | SpanRecord)[] = [];
  const runner = startRunnerProcess(
    {
      entry: runnerEntry,
      projectDir: scratch.dir,
      memoryMb: 128,
      env: { PATH: process.env["PATH"] ?? "" },
      ...(loadTimeoutMs === undefined ? {} : { loadTimeoutMs }),
    },
    { tele: (records) => told.push(...records), inspecting: () => {} },
  );
  opened.push({ scratch, runner });
  return { runner, scratch, told };
}

function callOf(input: Call["input"], name = "work.go"): Call {
  const run = "r01hzxyzxyzxyzxyzxyzxyzxyz";
  return { kind: "tool", name, input, run, workflow: "w", step: "s", attempt: 1, callId: `${run}:s` };
}

test("a tool is called with its validated input and answers with plain JSON", async () => {
  const { runner } = start({ "tools/work.ts": toolFile("return { twice: n * 2, at: new Date(0) };") });
  expect(await runner.loaded).toMatchObject({
    manifest: { tools: [{ name: "work.go", effect: "pure", file: "tools/work.ts" }] },
  });
  const end = await runner.call(callOf({ n: 4 }), () => {});
  expect(end).toMatchObject({ kind: "output", output: { twice: 8, at: "1970-01-01T00:00:00.000Z" } });
});

test("an input that does not match the schema is a failure that is not retried", async () => {
  const { runner } = start({ "tools/work.ts": toolFile("return n;") });
  await runner.loaded;
  const end = await runner.call(callOf({ n: "four" }), () => {});
  expect(end).toMatchObject({ kind: "failed", retryable: false, failure: { code: "invalid_input" } });
  const whole = await runner.call(callOf(7), () => {});
  expect(whole).toMatchObject({
    failure: { message: expect.stringMatching(/^input of tool work\.go: [^/]/) },
  });
});

test("what a tool throws is recorded with its code", async () => {
  const { runner } = start({
    "tools/work.ts": toolFile(`throw Object.assign(new Error("no such order"), { code: "ORDER_GONE" });`),
  });
  await runner.loaded;
  const end = await runner.call(callOf({ n: 1 }), () => {});
  expect(end).toMatchObject({ kind: "failed", failure: { code: "order_gone", message: "no such order" } });
});

test("a failure names the line that threw, also in a file that the tool imports", async () => {
  const { runner } = start({
    "lib/bank.ts": `export function pay(): never {\n  throw new Error("closed");\n}\n`,
    "tools/work.ts": `import { pay } from "../lib/bank.ts";\n${toolFile("await null; return pay();")}`,
  });
  await runner.loaded;
  const end = await runner.call(callOf({ n: 1 }), () => {});
  expect(end).toMatchObject({ failure: { message: "closed", details: { at: "lib/bank.ts:2:9" } } });
});

test.each([
  ["an effect that is none", `effect: "pur"`, /tool work\.go: effect "pur" is not known/, /"irreversible"/],
  ["no effect", "timeout: '1s'", /effect is missing/, /"pure"/],
  ["no schema", `effect: "pure", input: { n: 1 }`, /input is not a schema/, /z\.object/],
  ["an empty description", `effect: "pure", description: ""`, /description is missing/, /say what it does/],
])("%s does not load, with the line of the export and what to write", async (_, options, message, hint) => {
  const { runner } = start({ "tools/work.ts": toolFile("return n;", options) });
  expect(await runner.loaded).toMatchObject({
    problem: {
      file: "tools/work.ts",
      line: 3,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    },
  });
});

test.each([
  ["./gone.ts", "there is no such file: correct the import"],
  ["left-padd", "npm install left-padd"],
])("a missing import of %s says what helps", async (from, hint) => {
  const { runner } = start({ "tools/work.ts": `import { x } from "${from}";\nexport const a = x;\n` });
  expect(await runner.loaded).toMatchObject({ problem: { line: 1, hint: expect.stringContaining(hint) } });
});

test.each([
  ["a forgotten await", `void Promise.reject(new Error("unhandled")); await new Promise(() => {});`],
  ["a timer", `setTimeout(() => { throw new Error("unhandled"); }, 5); await new Promise(() => {});`],
])("an error that nobody catches is the reason why its runner ended: %s", async (_, body) => {
  const { runner } = start({ "tools/work.ts": toolFile(body) });
  await runner.loaded;
  const end = await runner.call(callOf({ n: 1 }), () => {});
  expect(end).toMatchObject({
    kind: "lost",
    reason: expect.stringMatching(/^uncaught_error: Error: unhandled \(at tools\/work\.ts:8:\d+\)$/),
  });
});

test("what is thrown and cannot be shown ends its runner all the same", async () => {
  const { runner } = start({
    "tools/work.ts": toolFile(
      `setTimeout(() => { throw { toString() { throw 1; } }; }, 5); await new Promise(() => {});`,
    ),
  });
  await runner.loaded;
  const end = await runner.call(callOf({ n: 1 }), () => {});
  expect(end).toMatchObject({
    kind: "lost",
    reason: expect.stringMatching(/^(uncaught_error|runner_exited)/),
  });
});

test("a runner whose memory is full says which setting bounds it", async () => {
  const { runner } = start({
    "tools/work.ts": toolFile("const all = []; for (;;) all.push(new Array(1e6).fill(n));"),
  });
  await runner.loaded;
  expect(await runner.call(callOf({ n: 1 }), () => {})).toEqual({
    kind: "lost",
    reason: "runner_exited: SIGABRT, out of memory? worker.runnerMemoryMb is 128",
  });
});

test("a tool that ends the process loses its call and nothing else", async () => {
  const { runner } = start({ "tools/work.ts": toolFile("process.exit(3);") });
  await runner.loaded;
  expect(await runner.call(callOf({ n: 1 }), () => {})).toEqual({
    kind: "lost",
    reason: "runner_exited: code 3",
  });
  expect(await runner.exited).toBe("runner_exited: code 3");
});

test("a tool that blocks its loop is ended with its group and the children it started", async () => {
  const { runner } = start({
    "tools/work.ts": `import { spawn } from "node:child_process";\n${toolFile(
      `spawn("sleep", ["987"], { stdio: "ignore" }); for (;;) {}`,
    )}`,
  });
  await runner.loaded;
  const end = runner.call(callOf({ n: 1 }), () => {});
  await expect.poll(() => processes("sleep 987"), { timeout: 5_000 }).toBe(1);
  runner.kill("timeout");
  expect(await end).toEqual({ kind: "lost", reason: "timeout" });
  await expect.poll(() => processes("sleep 987"), { timeout: 5_000 }).toBe(0);
});

test("a flood of output is cut, counted and does not stop the call", async () => {
  const { runner, told } = start({
    "tools/work.ts": toolFile(`for (let i = 0; i < 50_000; i++) console.log("line " + i); return "done";`),
  });
  await runner.loaded;
  expect(await runner.call(callOf({ n: 1 }), () => {})).toMatchObject({ kind: "output", output: "done" });
  await delay(200);
  expect(told.length).toBeGreaterThan(100);
  expect(told.length).toBeLessThan(20_000);
});

test("log fields that are no JSON, or too much of it, cost the fields and not the runner", async () => {
  const { runner, told } = start({
    "tools/work.ts": toolFile(`const round = {}; round.self = round;
      context.log.info("circular", { round });
      context.log.info("bigint", { n: 1n });
      context.log.info("huge", { text: "x".repeat(40_000_000) });
      await context.span("odd", () => 1, { round });
      context.log.info("plain", { n });
      return "done";`),
  });
  await runner.loaded;
  expect(await runner.call(callOf({ n: 1 }), () => {})).toMatchObject({ kind: "output", output: "done" });
  await expect.poll(() => told.length, { timeout: 5_000 }).toBe(5);
  const logs = told.flatMap((record) => (record.kind === "log" ? [[record.message, record.fields]] : []));
  expect(logs).toEqual([
    ["circular", { dropped: expect.stringContaining("no JSON") }],
    ["bigint", { dropped: expect.stringContaining("no JSON") }],
    ["huge", { dropped: expect.stringContaining("over 65536") }],
    ["plain", { n: 1 }],
  ]);
});

test("a failure whose details are no JSON is reported without them", async () => {
  const { runner } = start({
    "tools/work.ts": `import { AgentFlowError } from "@agentflow/protocol";\n${toolFile(
      `const round = {}; round.self = round;
       throw new AgentFlowError("refused", "not this one", { details: { round } });`,
    )}`,
  });
  await runner.loaded;
  const end = await runner.call(callOf({ n: 1 }), () => {});
  expect(end).toMatchObject({
    kind: "failed",
    failure: { code: "refused", message: "not this one", details: { dropped: expect.any(String) } },
  });
});

test("a frame that user code forges ends its own runner and is never taken for an answer", async () => {
  const forged = [
    ["done", 1, null],
    ["done", 1, { kind: "output" }],
    ["tele", 5],
    ["tele", [{ kind: "log", at: "2026-01-01", level: "loud", source: "tool", message: "" }]],
    ["tele", [{ kind: "log", at: "2026-01-01", level: "info", source: "control-plane", message: "" }]],
    ["ready", { code: "\u001b[2J", tools: [], agents: [], workflows: [] }],
    ["ready", null],
  ];
  for (const message of forged) {
    const { runner, told } = start({
      "tools/work.ts": `import { writeSync } from "node:fs";\n${toolFile(
        `const body = Buffer.from(${JSON.stringify(JSON.stringify([message]))});
         const head = Buffer.alloc(4); head.writeUInt32BE(body.length);
         writeSync(3, Buffer.concat([head, body]));
         return new Promise(() => {});`,
      )}`,
    });
    await runner.loaded;
    const end = await runner.call(callOf({ n: 1 }), () => {});
    expect(end).toMatchObject({ kind: "lost" });
    expect(told).toEqual([]);
  }
});

test("a long output comes as text with its hash, too long a one is refused", async () => {
  const { runner } = start({ "tools/work.ts": toolFile(`return "x".repeat(n);`) });
  await runner.loaded;
  const big = await runner.call(callOf({ n: 100_000 }), () => {});
  expect(big).toMatchObject({ kind: "big", bytes: 100_002 });
  const tooBig = await runner.call(callOf({ n: 9_000_000 }), () => {});
  expect(tooBig).toMatchObject({
    kind: "failed",
    retryable: false,
    failure: { code: "limit_exceeded" },
  });
});

test("code that does not load is named with file, line, column and the source line", async () => {
  const { runner } = start({ "tools/work.ts": `export const a = 1;\nenum Colour { Red }\n` });
  expect(await runner.loaded).toMatchObject({
    problem: { file: "tools/work.ts", line: 2, frame: expect.stringContaining("enum Colour { Red }") },
  });
});

test("code that never ends loading is given up, with the reason", async () => {
  const { runner } = start({ "tools/a.ts": "export {};\n", "tools/work.ts": "for (;;) {}\n" }, 1_500);
  expect(await runner.loaded).toMatchObject({
    ended: true,
    problem: { file: "tools/work.ts", message: expect.stringContaining("did not load within 1.5 s") },
  });
});

test("an import without its extension is named with what to write", async () => {
  const { runner } = start({ "tools/work.ts": `import { x } from "./other";\nexport const a = x;\n` });
  const loaded = await runner.loaded;
  expect(loaded).toMatchObject({ problem: { hint: expect.stringContaining("extension") } });
});

test("a runner whose supervisor closes the channel is gone within a second", async () => {
  const { runner } = start({ "tools/work.ts": toolFile("return n;") });
  await runner.loaded;
  runner.retire();
  await runner.exited;
  expect(processAlive(runner.pid)).toBe(false);
});

function processes(command: string): number {
  const out = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });
  return out.split("\n").filter((line) => line.startsWith(command)).length;
}

function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("user code that breaks the channel and will not leave is ended, and its call is lost", async () => {
  const { runner } = start({
    "tools/work.ts": `import { writeSync } from "node:fs";\n${toolFile(
      `process.exit = () => { throw new Error("no"); };
       process.on("uncaughtException", () => {});
       process.on("unhandledRejection", () => {});
       setInterval(() => {}, 1000);
       writeSync(3, Buffer.from("ffffffff00", "hex"));
       return new Promise(() => {});`,
    )}`,
  });
  await runner.loaded;
  expect(await runner.call(callOf({ n: 1 }), () => {})).toEqual({
    kind: "lost",
    reason: "its channel is broken",
  });
});

// On a list of 3,500 levels the run could not be decided any more: it was parked for good.
test.each([400, 3_500, 20_000])("an output of %i levels is a failure that says so", async (n) => {
  const { runner, told } = start({
    "tools/work.ts": toolFile(
      `let tunnel = 1; for (let i = 0; i < n; i++) tunnel = [tunnel];
       context.log.info("deep", { tunnel });
       return tunnel;`,
    ),
  });
  await runner.loaded;
  expect(await runner.call(callOf({ n }), () => {})).toMatchObject({
    kind: "failed",
    retryable: false,
    failure: { code: "limit_exceeded", message: expect.stringContaining("256 levels") },
  });
  expect(told).toMatchObject([{ message: "deep", fields: { dropped: expect.any(String) } }]);
});
