import { type RunEvent, type RunSummary, parseId } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { linesOfRun, runLine } from "./run-lines.ts";

const run = "r01m859rf36k584wgd4xghktnda";
const at = "2026-01-31T12:00:00.000Z";
const step = parseId("step instance", "pay");
const failure = { code: "timeout", message: "no answer" };
const lineOf = (event: RunEvent) => runLine({ run, revision: 1, n: 0, event });

describe("a run's event", () => {
  test.each<[RunEvent, string, string]>([
    [{ kind: "run_completed", at, output: { inline: 1 } }, "info", "run completed"],
    [{ kind: "run_failed", at, failure }, "warn", "run failed: timeout: no answer"],
    [{ kind: "run_cancelled", at, reason: "enough" }, "info", "run cancelled: enough"],
    [
      { kind: "step_unknown", at, step, attempt: 1, reason: "lost" },
      "warn",
      `nobody knows whether pay was done: af why ${run}`,
    ],
  ])("%j is a line of the control plane", (event, level, message) => {
    expect(lineOf(event)).toMatchObject({ kind: "log", source: "control-plane", at, run, level, message });
  });

  test("in between is none", () => {
    expect(lineOf({ kind: "step_waiting", at, step, until: at })).toBeUndefined();
  });
});

test("a run of a list gives a line for its start, and one for its end once it has one", () => {
  const summary: RunSummary = {
    run,
    workflow: "hello",
    version: "0",
    status: "running",
    startedAt: at,
    revision: 1,
  };
  expect(linesOfRun(summary).map(({ record }) => record.message)).toEqual(["run started"]);
  const failed = linesOfRun({ ...summary, status: "failed", endedAt: at, failure });
  expect(failed.map(({ record }) => record.message)).toEqual([
    "run started",
    "run failed: timeout: no answer",
  ]);
});
