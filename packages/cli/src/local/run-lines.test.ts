import { type RunEventView, instant, makeRunId } from "@agentflow/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runLines, runLinesPerSecond } from "./run-lines.ts";
import type { RunCounts } from "./screen.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function screen() {
  const said: string[] = [];
  const counts: RunCounts[] = [];
  const lines = runLines({
    runStarted: (_, workflow) => said.push(`started ${workflow}`),
    runEnded: ({ event, tookMs }) => said.push(`${event.kind} ${tookMs}`),
    attemptLost: (_, event) => said.push(event.kind),
    runCounts: (sum) => counts.push(sum),
  });
  return { said, counts, onEvent: lines.onEvent };
}

const runId = (n: number): string => makeRunId(n, new Uint8Array(10));
const place = { revision: 1, n: 0 };

function started(n: number, atMs = 0): RunEventView {
  const rest = { workflowVersion: "", plan: "", build: "dev", fingerprint: "", input: { inline: {} } };
  return view({ run: runId(n), event: { kind: "run_started", at: instant(atMs), workflow: "w", ...rest } });
}

function completed(n: number, atMs = 0): RunEventView {
  return view({
    run: runId(n),
    event: { kind: "run_completed", at: instant(atMs), output: { inline: null } },
  });
}

/** The lines look at a few fields only, so that the tests name only those. */
function view(of: object): RunEventView {
  return JSON.parse(JSON.stringify({ ...place, ...of }));
}

test("a few runs are told one by one, with how long they took", () => {
  const { said, counts, onEvent } = screen();
  onEvent(started(1, 1_000));
  onEvent(completed(1, 1_250));
  onEvent(completed(2));
  vi.advanceTimersByTime(5_000);
  expect(said).toEqual(["started w", "run_completed 250", "run_completed undefined"]);
  expect(counts).toEqual([]);
});

test("a flood becomes one line a second, in which every run is counted once", () => {
  const { said, counts, onEvent } = screen();
  for (let n = 0; n < 1_000; n++) onEvent(started(n));
  vi.advanceTimersByTime(1_000);
  for (let n = 0; n < 1_000; n++) onEvent(completed(n));
  vi.advanceTimersByTime(1_000);
  expect(said).toHaveLength(runLinesPerSecond);
  const none = { started: 0, completed: 0, failed: 0, cancelled: 0 };
  expect(counts).toEqual([
    { ...none, started: 1_000 - runLinesPerSecond },
    { ...none, completed: 1_000 },
  ]);
});

test("after a quiet second runs are told one by one again, and no timer is left", () => {
  const { said, onEvent } = screen();
  for (let n = 0; n < 100; n++) onEvent(started(n));
  vi.advanceTimersByTime(3_000);
  expect(vi.getTimerCount()).toBe(0);
  const before = said.length;
  onEvent(completed(1));
  expect(said.length).toBe(before + 1);
});

test("a lost attempt is told even in a flood", () => {
  const { said, onEvent } = screen();
  for (let n = 0; n < 100; n++) onEvent(started(n));
  onEvent(view({ run: runId(1), event: { kind: "attempt_lost", at: instant(0) } }));
  expect(said.at(-1)).toBe("attempt_lost");
});
