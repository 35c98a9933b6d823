import type { Shown } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import type { ExplainContext } from "./explain-context.ts";
import { explainRun, openCommands, viewRun } from "./index.ts";
import {
  approval,
  asks,
  asksUnknown,
  at,
  cancel,
  done,
  failed,
  goOn,
  lost,
  nudge,
  resolve,
  resolveCall,
  run,
  start,
  suspended,
  timer,
} from "./fixtures/inputs.ts";
import { type Rest, type Steps, plan, task } from "./fixtures/plans.ts";
import { Walk, commandText } from "./fixtures/walk.ts";

function walk(steps: Steps, rest: Rest = {}): Walk {
  return new Walk(plan(steps, rest));
}

const send: Steps = {
  a: {
    uses: "tool:t.irreversible",
    with: { to: "${input.to}" },
    approval: { text: "Send to ${input.to}?", expires: "1h" },
  },
};
const shown: Shown = {
  uses: "tool:t.irreversible",
  effect: "irreversible",
  input: { to: "x@y.z" },
  text: "Send to x@y.z?",
};
const given = start({ to: "x@y.z" });
const agent: Steps = { a: { uses: "agent:writer", with: {} } };
const rest = { output: "${steps.?a.?output.orValue(null)}" };
const hour = 3_600_000;

describe("a step that needs approval", () => {
  test("shows a person what it would do, with a timer, and sends nothing", () => {
    const w = walk(send).when(given);
    w.thenEvents("run_started", "approval_requested a").thenCommands("start_timer approval:1");
    const event = w.commit?.events[1];
    expect(event).toMatchObject({ n: 1, shown, expiresAt: at(hour) });
    expect(w.open()).toEqual(["start_timer approval:1"]);
  });

  test("approved, it is sent with the very input that was shown", () => {
    const w = walk(send)
      .given(given)
      .when(approval(1, shown, { ms: 5, comment: "go" }));
    w.thenEvents("approval_decided a", "task_dispatched a 1").thenCommands("dispatch_task a 1");
    expect(w.inputs()).toEqual({ a: shown.input });
    expect(w.when(done("a", "sent")).end()).toBe(null);
  });

  test("one approval covers every attempt, under the input that was shown", () => {
    const steps = { a: { ...send["a"], retry: { max: 2, backoff: "1s" } } };
    const w = walk(steps).given(given, approval(1, shown), failed("a")).when(timer("retry:a:1", 2_000));
    w.thenEvents("task_dispatched a 2");
    expect(w.inputs()).toEqual({ a: shown.input });
    expect(w.open()).toEqual(["dispatch_task a 2"]);
  });

  test("denied, it fails and says who denied it and why", () => {
    const w = walk(send)
      .given(given)
      .when(approval(1, shown, { approve: false, comment: "wrong address", ms: 60_000 }));
    w.thenEvents("approval_decided a", "step_failed a", "run_failed a");
    expect(w.failure()).toMatchObject({
      code: "approval_denied",
      message: `it was denied by ada at ${at(60_000)}: wrong address`,
    });
  });

  test("a denial can be caught like any failure", () => {
    const steps = { a: { ...send["a"], catch: { when: "error.code == 'approval_denied'", then: "no" } } };
    const w = walk(steps, rest).given(given, approval(1, shown, { approve: false }));
    expect(w.end()).toBe("no");
  });

  test("when nobody answers in time it counts as denied", () => {
    const w = walk(send).given(given).when(timer("approval:1", hour));
    w.thenEvents("approval_decided a", "step_failed a", "run_failed a");
    expect(w.failure()?.code).toBe("approval_expired");
    expect(w.commit?.events[0]).toMatchObject({ approved: false, how: "expired" });
  });

  test("a nudge makes good what a lost timer should have done", () => {
    const w = walk(send).given(given);
    w.when(nudge(hour - 1)).thenNothing();
    w.when(nudge(hour)).thenEvents("approval_decided a", "step_failed a", "run_failed a");
  });

  test("an answer to something else than what stands there is refused", () => {
    const w = walk(send)
      .given(given)
      .when(approval(1, { ...shown, input: { to: "me" } }));
    w.thenRefused("approval_changed", "unwritten");
    expect(w.answers[0]).toMatchObject({ message: expect.stringContaining(`af approvals show ${run}-1`) });
    expect(w.open()).toEqual(["start_timer approval:1"]);
  });

  test("whoever comes late is told who decided what and when", () => {
    const w = walk(send).given(given, approval(1, shown, { by: "ada", ms: 10 }));
    w.when(approval(1, shown, { approve: false, by: "bob" })).thenRefused("approval_decided", "unwritten");
    expect(w.answers[0]).toMatchObject({ message: `it was approved by ada at ${at(10)}` });
    const after = w.given(done("a")).when(approval(1, shown, { by: "bob" }));
    after.thenRefused("approval_decided", "unwritten");
  });

  test("an answer that comes behind the expiry is refused, also before the timer has fired", () => {
    const w = walk(send)
      .given(given)
      .when(approval(1, shown, { ms: hour }));
    w.thenRefused("approval_decided", "unwritten");
    expect(w.answers[0]).toMatchObject({ message: expect.stringContaining("expired") });
  });

  test("the same answer again is a repeat", () => {
    walk(send)
      .given(given, approval(1, shown, { id: "p1" }))
      .when(approval(1, shown, { id: "p1" }))
      .thenRepeated();
  });

  test("an approval that nobody asked for is refused, and that is written", () => {
    for (const n of [0, 2, 99])
      walk(send).given(given).when(approval(n, shown)).thenRefused("approval_unknown", "written");
  });

  test("after a cancel there is nothing to decide", () => {
    const w = walk(send).given(given, cancel());
    w.when(approval(1, shown)).thenRefused("approval_withdrawn", "unwritten");
    w.when(timer("approval:1", hour)).thenRepeated();
    expect(w.open()).toEqual([]);
  });

  test("items are asked for one by one, as many at a time as may run", () => {
    const each = { forEach: { in: "input", maxParallel: 2 }, approval: true, with: "${item}" };
    const w = walk({ a: task(each) }, rest).when(start([1, 2, 3]));
    w.thenEvents("run_started", "step_expanded a", "approval_requested a~0", "approval_requested a~1");
    const of = (input: number): Shown => ({ uses: "tool:t.read", effect: "read", input });
    w.when(approval(2, of(2))).thenEvents("approval_decided a~1", "task_dispatched a~1 1");
    w.when(done("a~1", "two")).thenEvents("step_succeeded a~1 1", "approval_requested a~2");
    w.given(approval(3, of(3)), approval(1, of(1)), done("a~2", "three"), done("a~0", "one"));
    expect(w.end()).toEqual(["one", "two", "three"]);
  });

  test("an item that is denied takes its step with it, and what was asked of others is withdrawn", () => {
    const each = { forEach: { in: "input" }, approval: true, with: "${item}" };
    const w = walk({ a: task(each), b: task({ needs: ["a"], join: "settled" }) }).given(start([1, 2]));
    const of = (input: number): Shown => ({ uses: "tool:t.read", effect: "read", input });
    w.when(approval(1, of(1), { approve: false }));
    w.thenEvents(
      "approval_decided a~0",
      "step_failed a~0",
      "step_cancelled a~1",
      "step_failed a",
      "task_dispatched b 1",
    );
    w.when(approval(2, of(2))).thenRefused("approval_withdrawn", "unwritten");
    expect(w.open()).toEqual(["dispatch_task b 1"]);
  });
});

describe("human:approve", () => {
  const ask: Steps = { a: { uses: "human:approve", with: { text: "Publish?", draft: "${input.to}" } } };
  const question: Shown = { uses: "human:approve", input: { draft: "x@y.z" }, text: "Publish?" };

  test("is a question to a person: the answer is its output", () => {
    const w = walk(ask, rest)
      .given(given)
      .when(approval(1, question, { ms: 7, comment: "nice" }));
    w.thenEvents("approval_decided a", "step_succeeded a", "run_completed");
    expect(w.end()).toEqual({ approved: true, how: "person", by: "ada", comment: "nice", at: at(7) });
  });

  test("denied or unanswered is an answer too, no failure", () => {
    const no = walk(ask, rest).given(given, approval(1, question, { approve: false, ms: 7 }));
    expect(no.end()).toEqual({ approved: false, how: "person", by: "ada", comment: null, at: at(7) });
    const late = walk(ask, rest).given(given, timer("approval:1", 24 * hour));
    expect(late.end()).toEqual({
      approved: false,
      how: "expired",
      by: null,
      comment: null,
      at: at(24 * hour),
    });
  });
});

describe("an agent that waits for people", () => {
  test("is suspended, asks, and goes on as a new attempt with all answers", () => {
    const w = walk(agent, rest)
      .given(start())
      .when(suspended("a", [asks("a/1-0"), asksUnknown("a/1-1")]));
    w.thenEvents("step_suspended a 1", "approval_requested a", "step_unknown a 1");
    w.thenCommands("start_timer approval:1");
    const [ask] = [asks("a/1-0")];
    if (ask?.kind !== "approval") throw new Error("no approval");
    w.when(approval(1, ask.hash, { ms: 4 }))
      .thenEvents("approval_decided a")
      .thenCommands();
    w.when(resolveCall("a", "a/1-1", "done")).thenEvents("call_settled a", "task_dispatched a 2");
    const [command] = w.commit?.commands ?? [];
    expect(command).toMatchObject({
      kind: "dispatch_task",
      again: true,
      answers: [
        {
          kind: "approval",
          call: "a/1-0",
          approved: true,
          how: "person",
          by: "ada",
          hash: ask.hash,
          at: at(4),
        },
        { kind: "resolution", call: "a/1-1", as: "done" },
      ],
    });
    expect(openCommands(structuredClone(w.state), w.plan, { run })).toEqual([command]);
    expect(w.when(done("a", "well", { attempt: 2 })).end()).toBe("well");
  });

  test("an expired approval is an answer, not a failure of the step", () => {
    const w = walk(agent, rest)
      .given(start(), suspended("a", [asks("a/1-0")]))
      .when(timer("approval:1", 60_000));
    w.thenEvents("approval_decided a", "task_dispatched a 2");
    expect(w.commit?.commands[0]).toMatchObject({ answers: [{ approved: false, how: "expired" }] });
  });

  test("answers of earlier rounds come along", () => {
    const w = walk(agent, rest).given(start(), suspended("a", [asksUnknown("a/1-0")]), resolve("a", "retry"));
    w.given(suspended("a", [asksUnknown("a/2-0")], { attempt: 2 })).when(resolve("a", "failed"));
    expect(w.commit?.commands[0]).toMatchObject({
      attempt: 3,
      answers: [
        { call: "a/1-0", as: "retry" },
        { call: "a/2-0", as: "failed" },
      ],
    });
  });

  test("answers that no task can hold end the step: a queue that refuses one refuses others", () => {
    const calls = Array.from({ length: 9 }, (_, n) => `a/1-${n}`);
    const asked = calls.map((call) => asksUnknown(call));
    const w = walk(agent, rest).given(start(), suspended("a", asked));
    for (const call of calls.slice(1)) w.given(resolveCall("a", call, "done", long));
    w.when(resolveCall("a", "a/1-0", "done", long));
    w.thenEvents("call_settled a", "step_failed a", "run_failed a");
    expect(w.state).toMatchObject({ kind: "ended" });
  });

  test("waiting counts as neither failed nor lost", () => {
    const steps = { a: { ...agent["a"], retry: { max: 2, backoff: "1s" } } };
    const w = walk(steps, rest).given(start(), suspended("a", [asksUnknown("a/1-0")]), resolve("a", "retry"));
    w.when(failed("a", { attempt: 2 })).thenEvents("attempt_failed a 2");
    expect(w.state).toMatchObject({ kind: "active" });
  });

  test("which call is meant must be said when there are several", () => {
    const w = walk(agent).given(start(), suspended("a", [asksUnknown("a/1-0"), asksUnknown("a/1-1")]));
    w.when(resolve("a", "done")).thenRefused("call_ambiguous", "unwritten");
    w.when(resolveCall("a", "a/9-9", "done")).thenRefused("step_not_unknown", "written");
    w.when(resolveCall("a", "1-1", "done")).thenEvents("call_settled a");
    w.when(resolve("a", "done")).thenEvents("call_settled a", "task_dispatched a 2");
  });

  test("a suspension that asks nobody is a loss: it would be sent again for ever", () => {
    const w = walk(agent).given(start()).when(suspended("a", []));
    w.thenEvents("attempt_lost a 1", "task_dispatched a 2");
  });

  test("the result of a suspended attempt again is a repeat", () => {
    walk(agent)
      .given(start(), suspended("a", [asks("a/1-0")]))
      .when(suspended("a", [asks("a/1-0")]))
      .thenRepeated();
    walk(agent)
      .given(start(), suspended("a", [asks("a/1-0")]))
      .when(lost("a"))
      .thenRepeated();
  });

  test("what a full commit has no room for follows with the next", () => {
    const each = { uses: "agent:writer", forEach: { in: "input", maxParallel: 1_000 }, with: {} };
    const w = walk({ a: each }).given(start([...Array(200).keys()]), goOn());
    const names = [...Array(101).keys()].map((n) => `a~${n}`);
    w.when(...names.map((step) => suspended(step, [asksUnknown(`${step}/1-0`)])));
    w.when(...names.map((step) => resolve(step, "done")));
    expect(w.commit?.commands.map(commandText).at(-1)).toBe("continue");
    expect(w.open().filter((one) => one === "continue")).toEqual(["continue"]);
    w.when(goOn()).thenEvents("task_dispatched a~100 2");
  });
});

describe("what a run may use up", () => {
  const used = (tokens: number, usd: string) => ({
    inputTokens: tokens - 1,
    outputTokens: 1,
    modelCalls: 1,
    toolCalls: 0,
    usd,
  });
  const budgets = { budgets: { tokens: 1_000, usd: 0.3 } };
  const budgetsOf = (w: Walk) =>
    (w.commit?.commands ?? []).map((one) => (one.kind === "dispatch_task" ? one.budget : undefined));

  test("an agent alone is given all that is left", () => {
    const steps = { a: agent["a"] ?? {}, b: { ...agent["a"], needs: ["a"] } };
    const w = walk(steps, budgets).when(start());
    expect(budgetsOf(w)).toEqual([{ tokens: 1_000, usd: "0.3" }]);
    w.when(done("a", null, { usage: used(400, "0.1") }));
    expect(budgetsOf(w)).toEqual([{ tokens: 600, usd: "0.2" }]);
  });

  test("agents side by side share equally, whoever is sent first", () => {
    const steps = { a: agent["a"] ?? {}, t: task(), b: { ...agent["a"], needs: ["t"] } };
    const w = walk(steps, budgets).when(start());
    expect(budgetsOf(w)).toEqual([{ tokens: 500, usd: "0.15" }, undefined]);
    w.when(done("t"));
    expect(budgetsOf(w)).toEqual([{ tokens: 500, usd: "0.15" }]);
  });

  test("items share among those that run at a time, and tell what the next may have", () => {
    const each = { uses: "agent:writer", forEach: { in: "input", maxParallel: 2 }, with: {} };
    const w = walk({ a: each }, { budgets: { tokens: 1_000 } }).when(start([1, 2, 3]));
    expect(budgetsOf(w)).toEqual([{ tokens: 500 }, { tokens: 500 }]);
    w.when(done("a~0", null, { usage: used(100, "0") }));
    expect(budgetsOf(w)).toEqual([{ tokens: 400 }]);
  });

  test("a later attempt is given what its step has used and what is left", () => {
    const w = walk(agent, budgets).given(
      start(),
      suspended("a", [asksUnknown("a/1-0")], { usage: used(250, "0.05") }),
    );
    w.when(resolve("a", "done"));
    expect(budgetsOf(w)).toEqual([{ tokens: 1_000, usd: "0.3" }]);
    w.when(done("a", null, { attempt: 2, usage: used(300, "0.06") }));
    expect(w.state).toMatchObject({ usage: used(300, "0.06") });
  });

  test("with nothing left the next agent fails, and the run says why", () => {
    const steps = { a: agent["a"] ?? {}, b: { ...agent["a"], needs: ["a"] } };
    const w = walk(steps, budgets).given(start());
    w.when(done("a", null, { usage: used(1_000, "0.1") }));
    expect(w.failure()).toMatchObject({
      code: "budget_exhausted",
      message: "nothing is left of the run's 1000 tokens",
    });
  });

  test("its time is a timeout of the run", () => {
    const w = walk(agent, { timeout: "1h", budgets: { time: "10m" } }).when(start());
    expect(w.commit?.events[0]).toMatchObject({ deadline: at(600_000) });
  });

  test("steps that are no agents are given none", () => {
    const w = walk({ a: task() }, budgets).when(start());
    expect(budgetsOf(w)).toEqual([undefined]);
  });
});

describe("what people are told", () => {
  const context: ExplainContext = { run, now: at(1_000), workers: [] };
  const viewed = (w: Walk) =>
    viewRun(
      w.commits.map((commit, i) => ({ revision: i + 1, commit })),
      { run, plan: w.plan.plan },
    );

  test("a run that waits for an approval is parked, and why names the command", () => {
    const w = walk(send).given(given);
    expect(viewed(w)).toMatchObject({
      status: "parked",
      steps: [{ step: "a", status: "asking", approval: `${run}-1`, until: at(hour) }],
    });
    expect(explainRun(w.state, w.plan, context)).toEqual([
      {
        reason: "approval",
        step: "a",
        message:
          "waits for a person to approve tool:t.irreversible: Send to x@y.z? (counts as denied in 59m 59s)",
        since: at(0),
        until: at(hour),
        command: `af approvals show ${run}-1`,
      },
    ]);
    expect(viewed(w.given(approval(1, shown)))).toMatchObject({
      status: "running",
      steps: [{ status: "queued" }],
    });
  });

  test("an unknown call is named with its tool and the command that frees it", () => {
    const w = walk(agent).given(start(), suspended("a", [asks("a/1-0"), asksUnknown("a/1-1")]));
    expect(viewed(w)).toMatchObject({
      status: "parked",
      steps: [{ status: "unknown", attempts: [{ attempt: 1, outcome: "suspended" }] }],
    });
    const [first, second] = explainRun(w.state, w.plan, context);
    expect(first).toMatchObject({
      reason: "outcome_unknown",
      command: `af run resolve ${run} a --call a/1-1 --as done`,
    });
    expect(first?.message).toContain("a/1-1 of t.irreversible");
    expect(second).toMatchObject({ reason: "approval", command: `af approvals show ${run}-1` });
    expect(viewed(w.given(resolve("a", "done")))).toMatchObject({ steps: [{ status: "asking" }] });
  });

  test("usage of steps and of the run", () => {
    const usage = { inputTokens: 10, outputTokens: 2, modelCalls: 1, toolCalls: 3, usd: "0.001" };
    const steps = { a: agent["a"] ?? {}, b: agent["a"] ?? {} };
    const w = walk(steps).given(
      start(),
      done("a", null, { usage }),
      suspended("b", [asksUnknown("b/1-0")], { usage: { ...usage, usd: "0.0005" } }),
    );
    const view = viewed(w);
    expect(view.usage).toEqual({
      inputTokens: 20,
      outputTokens: 4,
      modelCalls: 2,
      toolCalls: 6,
      usd: "0.0015",
    });
    expect(view.steps[0]?.usage).toEqual(usage);
    expect(w.state).toMatchObject({ usage: view.usage });
  });
});

/** As long as a value may be that stands in a record. */
const long = "x".repeat(60 * 1024);
