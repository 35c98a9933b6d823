import { AgentFlowError, type LogLevel } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { virtualWorld } from "../virtual/index.ts";
import {
  createLog,
  createSecrets,
  escapeControls,
  formatText,
  type LineMeta,
  type LogOptions,
  toSink,
} from "./index.ts";

function open(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const metas: LineMeta[] = [];
  const { clock } = virtualWorld();
  const sink = toSink((line, meta) => {
    lines.push(line);
    metas.push(meta);
  });
  const log = createLog({ source: "control-plane", clock, outputs: [sink], ...options });
  return { log, lines, metas, last: () => JSON.parse(lines.at(-1) ?? "null") };
}

test("a line is one record: ids at the top, data in fields, time in UTC with milliseconds", () => {
  const { log, metas, last } = open({ component: "orchestrator" });
  log
    .child({ tenant: "acme", run: "r1", step: "draft", attempt: 2, trace: "t" })
    .info("step done", { ms: 12 });
  expect(last()).toEqual({
    v: 1,
    kind: "log",
    level: "info",
    at: "2026-01-01T00:00:00.000Z",
    source: "control-plane",
    name: "orchestrator",
    tenant: "acme",
    run: "r1",
    step: "draft",
    attempt: 2,
    trace: "t",
    message: "step done",
    fields: { ms: 12 },
  });
  expect(metas).toEqual([{ level: "info", tenant: "acme" }]);
});

test("data cannot pretend to be an id, a level or a message", () => {
  const { log, last } = open();
  log.child({ run: "r1" }).warn("true message", { run: "r2", level: "fatal", message: "false", kind: "x" });
  expect(last()).toMatchObject({ run: "r1", level: "warn", message: "true message", kind: "log" });
  expect(last().fields).toEqual({ run: "r2", level: "fatal", message: "false", kind: "x" });
});

test("a child's id replaces its parent's instead of standing twice in the line", () => {
  const { log, lines } = open();
  log.child({ run: "r1" }).child({ run: "r2" }).info("x");
  expect(lines[0]?.match(/"run"/g)).toHaveLength(1);
  expect(lines[0]).toContain('"run":"r2"');
});

test("each level writes itself and all above it", () => {
  const levels: LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];
  for (const [i, level] of levels.entries()) {
    const { log, metas } = open({ level });
    for (const each of levels) log[each]("x");
    expect(metas.map((meta) => meta.level)).toEqual(levels.slice(i));
    expect(levels.filter((each) => log.isEnabled(each))).toEqual(levels.slice(i));
  }
});

test("a component's own level applies to it alone, and a change reaches loggers made before", () => {
  const { log, lines } = open({ levels: { orchestrator: "debug" } });
  const orchestrator = log.child({ component: "orchestrator" }).child({ run: "r1" });
  orchestrator.debug("a");
  log.debug("b");
  expect(lines).toHaveLength(1);
  log.setLevels("error", { orchestrator: "trace" });
  orchestrator.trace("c");
  log.warn("d");
  expect(lines).toHaveLength(2);
  log.setLevel("error", "orchestrator");
  orchestrator.warn("e");
  log.setLevel("debug");
  orchestrator.warn("f");
  log.debug("g");
  expect(lines).toHaveLength(3);
});

test("a message over 8 KiB is cut with a marker that tells its size", () => {
  const { log, last } = open();
  log.info("é".repeat(10_000));
  expect(Buffer.byteLength(last().message)).toBeLessThan(8 * 1024 + 40);
  expect(last().message).toMatch(/^é+… \[cut: 20000 bytes\]$/);
});

test("a secret that lies across the cut is hidden, not halved", () => {
  const secrets = createSecrets();
  secrets.register("hunter2-hunter2-hunter2");
  const { log, lines } = open({ secrets });
  log.info(`${"x".repeat(8 * 1024 - 8)}hunter2-hunter2-hunter2${"y".repeat(100)}`);
  expect(lines[0]).not.toContain("hunter2");
});

test("fields of any shape are bounded and never throw: cycles, getters, huge lists, prototype keys", () => {
  const { log, last, lines } = open();
  const cycle: { [key: string]: unknown } = { name: "a" };
  cycle.self = cycle;
  const trap = Object.defineProperty({}, "bad", {
    enumerable: true,
    get() {
      throw new Error("no");
    },
  });
  log.info("odd", {
    cycle,
    trap,
    list: new Array(1_000).fill(1),
    big: 10n,
    when: new Date(0),
    bytes: new Uint8Array(3),
    none: undefined,
    not: Number.NaN,
    fn: () => 1,
    proto: JSON.parse('{"__proto__": {"polluted": true}, "ok": 1}'),
  });
  expect(last().fields).toMatchObject({
    big: "10",
    when: "1970-01-01T00:00:00.000Z",
    bytes: "[3 bytes]",
    not: "NaN",
  });
  expect(last().fields.list).toHaveLength(101);
  expect(last().fields.trap).toEqual({ bad: "[unreadable]" });
  expect(last().fields.proto).toEqual({ ok: 1 });
  log.info("huge", Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, "z".repeat(5_000)])));
  expect(lines[1]?.length).toBeLessThan(32 * 1024);
  expect(last().fields.cut).toMatch(/^fields of 25\d+ characters$/);
});

test("an error is logged with code, reason and frames, and its message only where that was asked for", () => {
  const cause = new TypeError("customer 4711 is unhappy");
  const error = new AgentFlowError("conflict", "run of customer 4711 changed", { reason: "raced", cause });
  const { log, last, lines } = open();
  log.error("could not append", { error });
  expect(last().fields.error).toMatchObject({
    code: "conflict",
    reason: "raced",
    cause: { name: "TypeError" },
  });
  expect(last().fields.error.frames[0]).toMatch(/^at .*log\.test\.ts:\d+:\d+/);
  expect(lines[0]).not.toContain("4711");
  const local = open({ errorMessages: true });
  local.log.error("could not append", { error });
  expect(local.last().fields.error.message).toBe("run of customer 4711 changed");
});

test("an output that throws neither stops the others nor the caller, and is counted", () => {
  const good: string[] = [];
  const broken = toSink(() => {
    throw new Error("disk full");
  });
  const { log } = open({ outputs: [broken, toSink((line) => good.push(line))] });
  log.info("x");
  expect(good).toHaveLength(1);
  expect(log.dropped()).toBe(1);
});

test("fatal flushes, and closing flushes before it closes", async () => {
  const seen: string[] = [];
  const output = {
    write: () => seen.push("write"),
    flushSync: () => seen.push("flush"),
    close: () => void seen.push("close"),
  };
  const { log } = open({ outputs: [output] });
  log.fatal("x");
  expect(seen).toEqual(["write", "flush"]);
  await log.close();
  expect(seen).toEqual(["write", "flush", "flush", "close"]);
});

test("no control, zero-width or bidirectional character reaches an output, in JSON or in text", () => {
  const { log, lines, last } = open();
  const hostile = "\u001b[2J\u009b31m\u202egnp\u200b\r\nfake\u0007\u007f";
  log.info(hostile, { field: hostile, [hostile]: 1 });
  const forbidden = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/;
  expect(lines[0]).not.toMatch(forbidden);
  expect(last().message).toBe(hostile);
  const text = formatText(lines[0] ?? "");
  expect(text).not.toMatch(forbidden);
  expect(text).toContain("\\x1b[2J\\x9b31m\\u202egnp\\u200b\\x0d\\x0afake\\x07\\x7f");
  expect(escapeControls("plain é 漢")).toBe("plain é 漢");
});

test("the text form shows time, level, who, message, ids and fields on one line", () => {
  const { log, lines } = open({ component: "api" });
  log.child({ run: "r1" }).warn("slow", { ms: 12, path: "/v1" });
  expect(formatText(lines[0] ?? "")).toBe(
    "2026-01-01T00:00:00.000Z warn  control-plane/api slow run=r1 ms=12 path=/v1",
  );
});
