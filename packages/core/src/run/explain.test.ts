import { type WorkerPresence, devBuild, defaultPool, defaultTenant, parseId } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { at, began, cancel, done, failed, lost, resent, run, start, stepId } from "./fixtures/inputs.ts";
import { type Rest, type Steps, plan, task } from "./fixtures/plans.ts";
import { Walk } from "./fixtures/walk.ts";
import { type ExplainContext, explainRun } from "./index.ts";

function walk(steps: Steps, rest: Rest = {}): Walk {
  return new Walk(plan(steps, rest));
}

const able = { name: "t.read", description: "", effect: "read", file: "tools/t.ts" } as const;
const present: WorkerPresence = {
  v: 1,
  kind: "worker",
  worker: parseId("worker", "w1"),
  tenant: defaultTenant,
  pool: defaultPool,
  build: devBuild,
  slots: 1,
  host: "here",
  pid: 1,
  since: at(0),
  seenAt: at(5_000),
  state: "ready",
  manifest: { v: 1, kind: "manifest", code: "aaaaaaaaaaaa", tools: [able], agents: [], workflows: [] },
  busy: [],
};

function explain(walked: Walk, workers: readonly WorkerPresence[] = [], more: Partial<ExplainContext> = {}) {
  return explainRun(walked.state, walked.plan, { run, now: at(6_000), workers, ...more });
}

function waiting(): Walk {
  return walk({ a: task() }).given(start());
}

test("no worker: the command starts one", () => {
  const [reason] = explain(waiting());
  expect(reason).toMatchObject({ reason: "no_worker", step: "a", since: at(0), command: "af worker list" });
});

test("a worker that was not seen for long does not count", () => {
  const [reason] = explain(waiting(), [present], { now: at(60_000) });
  expect(reason?.reason).toBe("no_worker");
});

test("of another build's workers it is said that they may not take it, and what would", () => {
  const other = { ...present, build: parseId("build", "0123456789ab") };
  expect(explain(waiting(), [other])[0]).toMatchObject({
    reason: "no_worker",
    message: expect.stringMatching(/with build dev, which this run began on; .* of 0123456789ab$/),
    command: "af worker --pool default --build dev",
  });
});

test("a worker of another pool or build does not count", () => {
  const other = { ...present, pool: parseId("pool", "gpu") };
  expect(explain(waiting(), [other])[0]?.reason).toBe("no_worker");
  expect(explain(waiting(), [{ ...present, build: parseId("build", "0123456789ab") }])[0]?.reason).toBe(
    "no_worker",
  );
});

test("a worker without the tool is told apart from no worker", () => {
  const without = {
    ...present,
    manifest: { v: 1, kind: "manifest", code: "a", tools: [], agents: [], workflows: [] } as const,
  };
  expect(explain(waiting(), [without])[0]).toMatchObject({ reason: "no_worker", command: "af tool list" });
});

test("code that does not load is named with its place", () => {
  const { manifest: _none, ...rest } = present;
  const broken = {
    ...rest,
    state: "broken",
    problem: { message: "Unexpected token", file: "tools/t.ts", line: 3 },
  } as const;
  const [reason] = explain(waiting(), [broken]);
  expect(reason).toMatchObject({ reason: "code_broken", command: "af validate" });
  expect(reason?.message).toContain("tools/t.ts:3");
});

test("a worker that has the task is its holder", () => {
  const busy = [{ run, step: stepId("a"), attempt: 1, uses: "tool:t.read", since: at(2_000) }];
  const [reason] = explain(waiting(), [{ ...present, busy }]);
  expect(reason).toMatchObject({ reason: "running", holder: "w1", since: at(2_000) });
  expect(reason?.message).toContain("4.0s");
});

test("in the queue or in the backlog, with the slots that are in use", () => {
  expect(explain(waiting(), [present])[0]).toMatchObject({ reason: "queue_wait" });
  const [reason] = explain(waiting(), [present], { backlog: new Map([[stepId("a"), 17]]) });
  expect(reason).toMatchObject({
    reason: "backlog",
    message: "number 17 in the backlog; 0 of 1 slots of pool default are in use",
  });
});

test("a retry says what failed and when the next attempt comes", () => {
  const w = walk({ a: task({ retry: { max: 2, backoff: "1m" } }) }).given(
    start(),
    failed("a", { ms: 1_000 }),
  );
  const [reason] = explain(w);
  expect(reason).toMatchObject({ reason: "retry_backoff", since: at(1_000) });
  expect(reason?.message).toContain("boom: it broke");
});

test("an unknown outcome comes first, with the command that settles it", () => {
  const w = walk({ b: task(), a: { uses: "tool:t.irreversible" } }).given(start(), began("a"), lost("a"));
  expect(explain(w).map(({ reason }) => reason)).toEqual(["outcome_unknown", "no_worker"]);
  expect(explain(w)[0]?.command).toBe(`af run resolve ${run} a --as done`);
});

test("an unknown outcome comes first also behind ninety open items", () => {
  const step = { uses: "tool:t.irreversible", forEach: { in: "input", maxParallel: 100 } };
  const items = Array.from({ length: 120 }, (_, n) => n);
  const w = walk({ a: step }).given(start(items), began("a~90"), lost("a~90"));
  expect(explain(w)[0]).toMatchObject({ reason: "outcome_unknown", step: "a~90" });
});

test("a failed run names the step, the message, the code and the line that threw", () => {
  const closed = { code: "error", message: "bank is closed", details: { at: "tools/pay.ts:14:11" } };
  const w = walk({ a: task() }).given(start(), failed("a", closed));
  expect(explain(w)[0]?.message).toBe("a: bank is closed (error at tools/pay.ts:14:11)");
});

test("a timer says until when", () => {
  const w = walk({ a: { uses: "wait", with: { for: "1h" } } }).given(start());
  expect(explain(w)[0]).toMatchObject({ reason: "timer", until: at(3_600_000) });
});

test("a forEach step at its width says so", () => {
  const w = walk({ a: task({ forEach: { in: "input", maxParallel: 1 } }) }).given(
    start([1, 2, 3]),
    done("a~0"),
  );
  expect(explain(w).at(-1)).toMatchObject({ reason: "max_parallel", step: "a" });
  expect(explain(w).at(-1)?.message).toContain("1 of 3");
});

test("an ended run says how it ended", () => {
  expect(explain(waiting().given(done("a")))).toMatchObject([{ reason: "completed" }]);
  expect(explain(waiting().given(cancel("enough")))[0]?.message).toBe("the run was cancelled: enough");
  expect(explain(waiting().given(failed("a")))[0]).toMatchObject({ reason: "failed", step: "a" });
  expect(explain(walk({ a: task() }))).toEqual([]);
});

test("after a kill of everything the dead worker is not the holder, and it is said who had it", () => {
  const busy = [{ run, step: stepId("a"), attempt: 1, uses: "tool:t.read", since: at(2_000) }];
  const w = waiting().given(resent("a", { ms: 5_500, worker: "w1" }));
  const [queued] = explain(w, [{ ...present, busy }]);
  expect(queued?.reason).toBe("queue_wait");
  expect(queued?.message).toContain("it was interrupted while w1 had it, and it was sent again 500ms ago");
  const [running] = explain(w, [{ ...present, busy, seenAt: at(5_900) }]);
  expect(running).toMatchObject({ reason: "running", holder: "w1" });
  expect(running?.message).toContain("interrupted while w1 had it");
});
