import type { LogRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import type { Line } from "./line.ts";
import { inOrder } from "./read.ts";

const run = "r1";

function history(role: Line["role"], ms: number, message: string, step: string): Line {
  const record: LogRecord = { kind: "log", at: at(ms), level: "info", source: "control-plane", run, message };
  return { role, record: { ...record, step, attempt: 1 } };
}

function at(ms: number): string {
  return new Date(Date.parse("2026-01-31T12:00:00.000Z") + ms).toISOString();
}

test("what stands in a run's history stays in its order, also at the same time", () => {
  const histories = [
    history("begins", 0, "one sent", "one"),
    history("none", 5, "one taken", "one"),
    history("ends", 10, "one done", "one"),
    history("begins", 10, "two sent", "two"),
    history("ends", 10, "two done", "two"),
    history("begins", 10, "three sent", "three"),
  ];
  const said: LogRecord = {
    kind: "log",
    at: at(9_000),
    level: "info",
    source: "tool",
    writer: "w",
    message: "in one",
    run,
    step: "one",
    attempt: 1,
  };
  expect(inOrder(histories, [said]).map(({ message }) => message)).toEqual([
    "one sent",
    "one taken",
    "in one",
    "one done",
    "two sent",
    "two done",
    "three sent",
  ]);
});
