import { expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { createLog, toSink } from "./log/index.ts";
import { createStop, exitCodeOf } from "./stop.ts";
import { virtualWorld } from "./virtual/index.ts";

function open(deadlineMs?: number) {
  const { time } = virtualWorld();
  const lines: string[] = [];
  const seen: string[] = [];
  const log = createLog({ source: "worker", clock: time, outputs: [toSink((line) => lines.push(line))] });
  const stop = createStop({ timers: time, log, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
  return { time, lines, seen, stop, said: () => lines.map((line) => JSON.parse(line).message) };
}

test("phases go in order; accept and drain all at once, close the last opened first", async () => {
  const { time, seen, stop } = open();
  const part = (name: string, ms: number) => async () => {
    seen.push(`${name} begins`);
    await sleep(time, ms);
    seen.push(`${name} ends`);
  };
  stop.add("close", "log", part("log", 1));
  stop.add("close", "bus", part("bus", 1));
  stop.add("drain", "slow", part("slow", 20));
  stop.add("drain", "fast", part("fast", 10));
  stop.add("accept", "http", part("http", 1));
  const done = stop.begin("SIGTERM");
  expect(stop.signal.aborted).toBe(true);
  await time.runUntilIdle();
  expect(await done).toEqual({ reason: "SIGTERM", clean: true, unfinished: [], exitCode: 0 });
  const drained = ["http begins", "http ends", "slow begins", "fast begins", "fast ends", "slow ends"];
  expect(seen).toEqual([...drained, "bus begins", "bus ends", "log begins", "log ends"]);
  expect(time.pending()).toBe(0);
});

test("at the deadline what runs is told to hurry, then left, and the rest is still closed", async () => {
  const { time, seen, stop, said } = open(1_000);
  stop.add("drain", "stuck", () => new Promise(() => {}));
  stop.add("drain", "obedient", async (hurry) => {
    await sleep(time, 60_000, hurry);
    seen.push(`let go at ${time.monotonic()}`);
  });
  stop.add("close", "file", () => void seen.push(`closed at ${time.monotonic()}`));
  const done = stop.begin("SIGTERM");
  await time.runUntilIdle();
  expect(await done).toMatchObject({ clean: false, unfinished: ["drain/stuck"], exitCode: 1 });
  expect(seen).toEqual(["let go at 1000", "closed at 1500"]);
  expect(said()).toEqual(["stopping", "stopped with parts unfinished"]);
});

test("a second signal forces the end without waiting for the deadline", async () => {
  const { time, stop, said } = open(60_000);
  stop.add("drain", "stuck", () => new Promise(() => {}));
  const done = stop.begin("SIGINT");
  await time.advance(5);
  void stop.begin("SIGINT");
  await time.advance(500);
  expect(await done).toMatchObject({ reason: "SIGINT", clean: false, exitCode: 130 });
  expect(time.monotonic()).toBe(505);
  expect(said()).toContain("stopping at once");
});

test("a part that throws is logged and named, and the others are ended all the same", async () => {
  const { time, seen, stop, said } = open();
  stop.add("accept", "bad", () => {
    throw new Error("no");
  });
  stop.add("close", "good", () => void seen.push("closed"));
  const done = stop.begin("done");
  await time.runUntilIdle();
  expect(await done).toMatchObject({ clean: false, unfinished: ["accept/bad"] });
  expect(seen).toEqual(["closed"]);
  expect(said()).toContain("a part failed while stopping");
});

test("a part that was removed is not ended, and all who ask get the same result", async () => {
  const { time, seen, stop } = open();
  stop.add("close", "gone", () => void seen.push("closed"))();
  const first = stop.begin("done");
  await time.runUntilIdle();
  expect(await stop.begin("SIGTERM")).toBe(await first);
  expect(await stop.done).toBe(await first);
  expect(seen).toEqual([]);
});

test("whoever begins the stop may say with which code the process ends", async () => {
  const { stop, time } = open();
  void stop.begin("error", 8);
  void stop.begin("error", 3);
  await time.runUntilIdle();
  expect((await stop.done).exitCode).toBe(8);
});

test.each([
  ["SIGTERM", true, 0],
  ["SIGHUP", true, 0],
  ["done", true, 0],
  ["SIGTERM", false, 1],
  ["SIGINT", true, 130],
  ["error", true, 1],
] as const)("a stop by %s (clean: %s) exits with %i", (reason, clean, code) => {
  expect(exitCodeOf(reason, clean)).toBe(code);
});
