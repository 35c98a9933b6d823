import { expect, test } from "vitest";
import {
  began,
  cancel,
  done,
  failed,
  lost,
  redelivered,
  resent,
  run,
  start,
  timer,
} from "./fixtures/inputs.ts";
import { type Rest, type Steps, plan, task } from "./fixtures/plans.ts";
import { Walk } from "./fixtures/walk.ts";
import { viewRun } from "./index.ts";

function walk(steps: Steps, rest: Rest = {}): Walk {
  return new Walk(plan(steps, rest));
}

function view(walked: Walk) {
  const entries = walked.commits.map((commit, i) => ({ revision: (i + 1) * 10, commit }));
  return viewRun(entries, { run, plan: walked.plan.plan });
}

function statuses(walked: Walk) {
  return Object.fromEntries(view(walked).steps.map(({ step, status }) => [step, status]));
}

test("a finished run shows its output, and each attempt with its wait and its worker", () => {
  const w = walk({ a: task({ retry: { max: 2 } }) }, { output: "${steps.a.output}" });
  const facts = { startedAt: "2026-01-01T00:00:00.250Z", ms: 30, code: "aaaaaaaaaaaa" };
  w.given(start({ q: 1 }), { ...failed("a", { ms: 300 }), ...facts }, timer("retry:a:1", 2_000));
  w.given(done("a", "fine", { attempt: 2, ms: 2_100 }));
  const { steps, ...rest } = view(w);
  expect(rest).toMatchObject({ run, status: "completed", output: "fine", input: { q: 1 }, revision: 40 });
  expect(rest).toMatchObject({ codes: ["aaaaaaaaaaaa"], startedAt: "2026-01-01T00:00:00.000Z" });
  expect(steps).toHaveLength(1);
  expect(steps[0]).toMatchObject({ step: "a", uses: "tool:t.read", status: "succeeded", output: "fine" });
  expect(steps[0]?.attempts).toMatchObject([
    { attempt: 1, outcome: "failed", queueMs: 250, ms: 30, worker: "w1", code: "aaaaaaaaaaaa" },
    { attempt: 2, outcome: "succeeded" },
  ]);
});

test("each state of a step has its word", () => {
  const steps = {
    queued: task(),
    began: { uses: "tool:t.irreversible" },
    retrying: task({ retry: { max: 2 } }),
    waiting: { uses: "wait", with: { for: "1h" } },
    skipped: task({ if: "false" }),
    given: { uses: "set", with: 1 },
    unknown: { uses: "tool:t.irreversible" },
    caught: task({ catch: { then: 1 } }),
    blocked: task({ needs: ["queued"] }),
    tolerated: task(),
    last: task({ needs: ["tolerated", "queued"], join: "settled" }),
  };
  const w = walk(steps).given(start(), began("began"), failed("retrying"), began("unknown"), lost("unknown"));
  w.given(failed("caught"), failed("tolerated"));
  expect(statuses(w)).toEqual({
    queued: "queued",
    began: "running",
    retrying: "retrying",
    waiting: "waiting",
    skipped: "skipped",
    given: "succeeded",
    unknown: "unknown",
    caught: "caught",
    blocked: "blocked",
    tolerated: "failed",
    last: "blocked",
  });
  expect(view(w).status).toBe("parked");
});

test("what a cancelled run left open is told as cancelled, what never began as skipped", () => {
  const w = walk({ a: task(), b: task({ needs: ["a"] }) }).given(start(), cancel());
  expect(statuses(w)).toEqual({ a: "cancelled", b: "skipped" });
  expect(view(w).steps[0]?.attempts).toMatchObject([{ outcome: "stopped" }]);
});

test("a handler that was not called is skipped", () => {
  const w = walk({ a: task({ catch: { then: "mend" } }), mend: task() }).given(start(), done("a"));
  expect(statuses(w)).toEqual({ a: "succeeded", mend: "skipped" });
});

test("items stand behind their step, which counts them", () => {
  const w = walk({ a: task({ forEach: { in: "input" } }), z: task() }).given(start([1, 2]), done("a~0"));
  expect(view(w).steps.map(({ step }) => step)).toEqual(["a", "a~0", "a~1", "z"]);
  expect(view(w).steps[0]).toMatchObject({ status: "running", items: { count: 2, done: 1 } });
});

test("a lost attempt is kept beside the one that replaced it", () => {
  const w = walk({ a: task() }).given(start(), redelivered("a", { ms: 9 }));
  expect(view(w).steps[0]).toMatchObject({ status: "queued" });
  expect(view(w).steps[0]?.attempts).toMatchObject([{ outcome: "lost" }, { attempt: 2, outcome: "open" }]);
});

test("a failed run names its failure", () => {
  const w = walk({ a: task() }).given(start(), failed("a"));
  expect(view(w)).toMatchObject({ status: "failed", failure: { code: "boom" } });
  expect(view(w).steps[0]).toMatchObject({ status: "failed", failure: { message: "it broke" } });
});

test("a history that does not begin with a start is refused", () => {
  const w = walk({ a: task() }).given(start(), done("a"));
  const entries = w.commits.slice(1).map((commit) => ({ revision: 1, commit }));
  expect(() => viewRun(entries, { run })).toThrow("does not begin");
});

test("an attempt that was interrupted says so, and its wait counts from when it was sent again", () => {
  const w = walk({ a: task() }).given(start(), resent("a", { ms: 60_000, worker: "w1" }));
  const [open] = view(w).steps;
  expect(open).toMatchObject({ status: "queued", attempts: [{ attempt: 1, outcome: "open" }] });
  const facts = { startedAt: "2026-01-01T00:01:00.250Z", ms: 1_750 };
  w.given({ ...done("a", 1, { ms: 62_000 }), ...facts });
  const holder = { worker: "w1", startedAt: "2026-01-01T00:00:00.000Z", seenAt: "2026-01-01T00:00:59.000Z" };
  const interruptions = [{ at: "2026-01-01T00:01:00.000Z", holder }];
  expect(view(w).steps[0]?.attempts).toMatchObject([{ outcome: "succeeded", queueMs: 250, interruptions }]);
});
