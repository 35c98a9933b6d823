import type { LogRecord } from "@agentflow/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { holdMs, inOrder } from "./in-order.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const record = (ms: number): LogRecord => {
  const at = new Date(ms).toISOString();
  return { kind: "log", at, level: "info", source: "tool", message: String(ms) };
};

test("what comes late but happened early goes before what it was overtaken by", () => {
  const out: string[] = [];
  const ordered = inOrder(({ message }) => out.push(message));
  ordered.add(record(20));
  vi.advanceTimersByTime(holdMs / 2);
  ordered.add(record(10));
  ordered.add(record(30));
  expect(out).toEqual([]);
  vi.advanceTimersByTime(holdMs / 2 + 1);
  expect(out).toEqual(["10", "20"]);
  vi.advanceTimersByTime(holdMs);
  expect(out).toEqual(["10", "20", "30"]);
  ordered.add(record(50));
  ordered.add(record(40));
  ordered.flush();
  expect(out).toEqual(["10", "20", "30", "40", "50"]);
  expect(vi.getTimerCount()).toBe(0);
});
