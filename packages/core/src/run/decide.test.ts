import { describe, expect, test } from "vitest";
import { type StepState, decide, emptyRun, openCommands } from "./index.ts";
import {
  at,
  began,
  cancel,
  done,
  failed,
  goOn,
  hash,
  lost,
  nudge,
  redelivered,
  resent,
  resolve,
  run,
  start,
  timer,
} from "./fixtures/inputs.ts";
import { type Rest, type Steps, plan, task } from "./fixtures/plans.ts";
import { Walk } from "./fixtures/walk.ts";

function walk(steps: Steps, rest: Rest = {}): Walk {
  return new Walk(plan(steps, rest));
}

const one = { a: task() };
const pay = { a: { uses: "tool:t.irreversible" } };

describe("start", () => {
  test("a start dispatches every step that needs nothing", () => {
    walk({ a: task(), b: task(), c: task({ needs: ["a"] }) })
      .when(start())
      .thenEvents("run_started", "task_dispatched a 1", "task_dispatched b 1")
      .thenCommands("dispatch_task a 1", "dispatch_task b 1");
  });

  test("the same start again is a repeat and writes nothing", () => {
    walk(one).given(start()).when(start()).thenRepeated();
  });

  test("another body under the same run id is a conflict", () => {
    walk(one)
      .given(start())
      .when(start({ other: true }))
      .thenRefused("conflict", "unwritten");
  });

  test("a start after the end is still a repeat", () => {
    walk(one).given(start(), done("a")).when(start()).thenRepeated();
  });

  test("nothing but a start is taken by a run that does not exist", () => {
    for (const input of [done("a"), timer("run"), cancel(), nudge(), resolve("a", "done"), began("a")]) {
      walk(one).when(input).thenRefused("not_found", "unwritten");
    }
  });

  test("no inputs decide nothing", () => {
    expect(decide(plan(one), emptyRun, [], { run, hash })).toEqual({
      commit: undefined,
      state: emptyRun,
      answers: [],
    });
  });

  test("a task carries what a worker needs and nothing it was not given", () => {
    const w = walk({
      a: task({ with: { n: "${input.n}" }, timeout: "9s", select: "output.x", pool: "big" }),
    });
    w.when(start({ n: 4 }));
    expect(w.commit?.commands).toEqual([
      {
        kind: "dispatch_task",
        input: "start",
        n: 0,
        step: "a",
        attempt: 1,
        uses: { kind: "tool", name: "t.read" },
        with: { inline: { n: 4 } },
        effect: "read",
        pool: "big",
        timeoutMs: 9_000,
        select: "output.x",
      },
    ]);
  });
});

describe("data", () => {
  test("a step sees the outputs of the steps it reads, which come before it without being named", () => {
    const w = walk(
      { a: task(), b: task({ with: { x: "${steps.a.output.n + 1}" } }) },
      { output: "${steps.b.output}" },
    );
    w.given(start(), done("a", { n: 2 }));
    expect(w.inputs()).toEqual({ b: { x: 3 } });
    expect(w.given(done("b", "fine")).end()).toBe("fine");
  });

  test("a run without an output gives null", () => {
    expect(walk(one).given(start(), done("a")).end()).toBeNull();
  });

  test("an expression that fails at run time fails its step, with its own code in the details", () => {
    const w = walk({ a: task(), b: task({ with: { x: "${steps.a.output.n}" } }) }).given(
      start(),
      done("a", {}),
    );
    expect(w.end()).toBe("b expression_failed");
    expect(w.failure()?.details).toEqual({ where: "with.x", code: "no_such_key" });
  });

  test("an output that cannot be worked out fails the run, not a step", () => {
    const w = walk(one, { output: "${steps.a.output.n}" }).given(start(), done("a", {}));
    expect(w.end()).toBe("run output_failed");
  });

  test("a run knows its own id, workflow and start", () => {
    const w = walk({ a: { uses: "set", with: "${run}" } }, { output: "${steps.a.output}" }).given(start());
    expect(w.end()).toEqual({ id: run, workflow: "test", startedAt: at(0) });
  });

  test("what `select` gave stands for the output", () => {
    const w = walk({ a: task({ select: "output.n" }) }, { output: "${steps.a.output}" });
    expect(w.given(start(), done("a", big, { selected: 7 })).end()).toBe(7);
  });
});

const big = { blob: { blob: "default/r1/abc", bytes: 100_000 } };
const reference = { $ref: { blob: "default/r1/abc", bytes: 100_000 } };

describe("big values", () => {
  test("a big output that is passed on whole stands by reference in the next task", () => {
    const w = walk({
      a: task(),
      b: task({ with: { all: "${steps.a.output}", status: "${steps.a.status}" } }),
    });
    w.given(start(), done("a", big));
    expect(w.inputs()).toEqual({ b: { all: reference, status: "succeeded" } });
  });

  test("a look into a big output fails the step that looks, and says what to do", () => {
    for (const source of [
      "${steps.a.output.n}",
      "${size(steps.a.output)}",
      "text ${steps.a.output}",
      "${steps.a}",
    ]) {
      const w = walk({ a: task(), b: task({ with: { n: source } }) }).given(start(), done("a", big));
      expect(w.end()).toBe("b output_not_inline");
      expect(w.failure()?.message).toContain("select");
    }
  });

  test("a default does not hide that an expression looked into a big output", () => {
    const w = walk({ a: task(), b: task({ with: "${steps.a.output.?n.orValue(1)}" }) }).given(
      start(),
      done("a", big),
    );
    expect(w.end()).toBe("b output_not_inline");
  });

  test("a big output can be the run's output, and that of `set`", () => {
    const steps = { a: task(), b: { uses: "set", with: "${steps.a.output}" } };
    const w = walk(steps, { output: "${steps.b.output}" }).given(start(), done("a", big));
    expect(w.end()).toEqual(big.blob);
  });

  test("a big output inside another value cannot be an output", () => {
    const w = walk(one, { output: { inner: "${steps.a.output}" } }).given(start(), done("a", big));
    expect(w.end()).toBe("run output_failed");
  });

  test("a big input of the run is passed on whole or not at all", () => {
    const pass = walk({ a: task({ with: { all: "${input}" } }) }).when(start(big));
    expect(pass.inputs()).toEqual({ a: { all: reference } });
    expect(
      walk({ a: task({ with: "${input.x}" }) })
        .when(start(big))
        .end(),
    ).toBe("a output_not_inline");
  });

  test("a task's input beyond 64 KiB fails its step", () => {
    const half = "x".repeat(40_000);
    const w = walk({ a: task({ with: ["${input}", "${input}"] }) }).when(start(half));
    expect(w.end()).toBe("a input_not_inline");
  });
});

describe("results", () => {
  test("a result is recorded once and a repeat changes nothing", () => {
    const w = walk({ a: task(), b: task() }).given(start(), done("a", 1));
    w.when(done("a", 1)).thenRepeated();
    w.when(failed("a")).thenRepeated();
  });

  test("a repeat of the result that ended the run is a repeat, not a refusal", () => {
    walk(one).given(start(), done("a")).when(done("a")).thenRepeated();
  });

  test("a result of an attempt that never was is refused, and the refusal is written", () => {
    for (const input of [done("a", 1, { attempt: 2 }), done("zz"), done("a~0"), done("a~0~1"), failed("b")]) {
      walk({ a: task(), b: task({ needs: ["a"] }) })
        .given(start())
        .when(input)
        .thenRefused("attempt_unknown", "written");
    }
  });

  test("a late result of a dead attempt is refused", () => {
    // The worker lost its lease, attempt 2 is already running, then attempt 1 reports.
    walk(one).given(start(), redelivered("a")).when(done("a")).thenRefused("attempt_unknown", "written");
  });

  test("a result after the end of the run is refused without writing", () => {
    walk(one).given(start(), cancel()).when(done("a")).thenRefused("run_already_ended", "unwritten");
  });

  test("inputs that wait together share a commit and are decided in order", () => {
    const w = walk({ a: task(), b: task(), c: task({ needs: ["a", "b"] }) }).given(start());
    w.when(done("a"), done("b"), done("b")).thenEvents(
      "step_succeeded a 1",
      "step_succeeded b 1",
      "task_dispatched c 1",
    );
    expect(w.answers.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "repeated"]);
    expect(w.commit?.inputs).toHaveLength(2);
  });

  test("what a worker says of an attempt is kept with its end", () => {
    const w = walk(one)
      .given(start())
      .when(done("a", 1, { ms: 40 }));
    expect(w.commit?.events[0]).toMatchObject({
      kind: "step_succeeded",
      worker: "w1",
      attempt: 1,
      at: at(40),
    });
  });
});

describe("failure and retry", () => {
  const retried = { a: task({ retry: { max: 3, backoff: "10s", factor: 2, nonRetryable: ["bad_input"] } }) };

  test("a failure without retry ends the run and names the step", () => {
    const w = walk({ a: task(), b: task() }).given(start()).when(failed("a"));
    w.thenEvents("attempt_failed a 1", "step_failed a", "run_failed a").thenCommands("stop_task b 1");
    expect(w.end()).toBe("a boom");
  });

  test("a failed attempt is tried again after its backoff, at most `max` times", () => {
    const w = walk(retried).given(start());
    w.when(failed("a", { ms: 5 }))
      .thenEvents("attempt_failed a 1")
      .thenCommands("start_timer retry:a:1");
    w.when(timer("retry:a:1", 10_000)).thenEvents("task_dispatched a 2");
    w.when(failed("a", { attempt: 2 })).thenCommands("start_timer retry:a:2");
    w.when(timer("retry:a:2")).thenEvents("task_dispatched a 3");
    w.when(failed("a", { attempt: 3 })).thenEvents("attempt_failed a 3", "step_failed a", "run_failed a");
  });

  test("the backoff doubles, is capped, and is spread by at most a tenth", () => {
    const w = walk({ a: task({ retry: { max: 9, backoff: "10s", factor: 3, maxBackoff: "60s" } }) }).given(
      start(),
    );
    for (const [attempt, ms] of [
      [1, 10_000],
      [2, 30_000],
      [3, 60_000],
      [4, 60_000],
    ] as const) {
      w.when(failed("a", { attempt }));
      const [event] = w.commit?.events ?? [];
      const due =
        event?.kind === "attempt_failed" ? Date.parse(event.retryAt ?? "") - Date.parse(event.at) : 0;
      expect(Math.abs(due - ms)).toBeLessThanOrEqual(ms / 10);
      w.when(timer(`retry:a:${attempt}`));
    }
  });

  test("the second attempt is marked, so that no cache answers it, and has the input of the first", () => {
    const steps = { a: task({ with: { q: "${input.q}" }, retry: { max: 2 } }) };
    const w = walk(steps)
      .given(start({ q: 1 }), failed("a"))
      .when(timer("retry:a:1"));
    expect(w.commit?.commands[0]).toMatchObject({ attempt: 2, again: true, with: { inline: { q: 1 } } });
  });

  test("a code that is not retryable ends the step at once", () => {
    const w = walk(retried).given(start(), failed("a", { code: "bad_input" }));
    expect(w.end()).toBe("a bad_input");
  });

  test("a worker that knows better ends the step at once", () => {
    expect(
      walk(retried)
        .given(start(), failed("a", { retryable: false }))
        .end(),
    ).toBe("a boom");
  });

  test("a retry timer that fires twice, or for another attempt, is harmless", () => {
    const w = walk(retried).given(start(), failed("a"));
    w.when(timer("retry:a:2")).thenRepeated();
    w.given(timer("retry:a:1")).when(timer("retry:a:1")).thenRepeated();
  });

  test("a failure is tolerated when every step that waits for it can go on without", () => {
    const steps = { a: task(), b: task(), c: task({ needs: ["a", "b"], join: "settled" }) };
    const w = walk(steps, { output: "${steps.c.output}" }).given(start(), failed("a"));
    w.when(done("b")).thenEvents("step_succeeded b 1", "task_dispatched c 1");
    expect(w.given(done("c", "fine")).end()).toBe("fine");
  });

  test("a failure is not tolerated when one step that waits for it cannot go on", () => {
    const steps = { a: task(), c: task({ needs: ["a"], join: "settled" }), d: task({ needs: ["a"] }) };
    expect(walk(steps).given(start(), failed("a")).end()).toBe("a boom");
  });

  test("a settled step sees how the steps before it ended", () => {
    const read = "${steps.a.status + ' ' + steps.a.error.code}";
    const steps = { a: task(), c: task({ needs: ["a"], join: "settled", with: read }) };
    const w = walk(steps).given(start()).when(failed("a"));
    expect(w.inputs()).toEqual({ c: "failed boom" });
  });
});

describe("join", () => {
  const fan = (join: string) => ({
    a: task(),
    b: task(),
    c: task(),
    d: task({ needs: ["a", "b", "c"], join }),
  });

  test("any goes on with the first that succeeds", () => {
    walk(fan("any")).given(start()).when(done("b")).thenEvents("step_succeeded b 1", "task_dispatched d 1");
  });

  test("n:2 waits for two", () => {
    const w = walk(fan("n:2")).given(start());
    w.when(done("a")).thenEvents("step_succeeded a 1");
    w.when(done("c")).thenEvents("step_succeeded c 1", "task_dispatched d 1");
  });

  test("a join that can no longer be met fails its step", () => {
    const w = walk(fan("n:2")).given(start(), failed("a")).when(failed("b"));
    w.thenEvents("attempt_failed b 1", "step_failed b", "step_failed d", "run_failed d").thenCommands(
      "stop_task c 1",
    );
    expect(w.end()).toBe("d join_unmet");
  });

  test("a run with join any ends only when every step has", () => {
    const w = walk(fan("any")).given(start(), done("b"), done("d"), done("a"));
    expect(w.state.kind).toBe("active");
    expect(w.given(failed("c")).end()).toBeNull();
  });

  test("a step that joined early never sees what came later, however often it is tried", () => {
    const read = "${steps.?c.?output.orValue('not there')}";
    const steps = {
      ...fan("any"),
      d: task({ needs: ["a", "b", "c"], join: "any", with: read, retry: { max: 2 } }),
    };
    const w = walk(steps).given(start(), done("b"), done("c", "late"), failed("d")).when(timer("retry:d:1"));
    expect(w.inputs()).toEqual({ d: "not there" });
  });

  test("a task that is sent again carries what it carried first, whatever has ended since", () => {
    const steps = { ...fan("any"), d: task({ needs: ["a", "b"], join: "any", with: "${steps.?a.?output}" }) };
    const w = walk(steps).given(start(), done("b"));
    expect(w.inputs()).toEqual({ d: null });
    const first = w.commit?.commands;
    w.given(done("a", "late"), done("c"));
    expect(openCommands(w.state, w.plan, { run })).toEqual(first);
  });

  test("a step that was skipped counts as done for all, and has no output", () => {
    const steps = {
      a: task({ if: "false" }),
      b: task({ needs: ["a"], with: "${steps.?a.?output.orValue('none')}" }),
    };
    const w = walk(steps).when(start()).thenEvents("run_started", "step_skipped a", "task_dispatched b 1");
    expect(w.inputs()).toEqual({ b: "none" });
  });

  test("a condition that gives no truth fails its step", () => {
    expect(
      walk({ a: task({ if: "input.x" }) })
        .when(start({ x: 1 }))
        .end(),
    ).toBe("a expression_failed");
  });
});

describe("catch", () => {
  test("a value becomes the output, and the step counts as succeeded", () => {
    const steps = {
      a: task({ catch: { when: "error.code == 'boom'", then: { code: "${error.code}" } } }),
      b: task({ with: "${steps.a.output.code + '/' + steps.a.status + '/' + steps.a.error.message}" }),
    };
    const w = walk(steps).given(start()).when(failed("a"));
    w.thenEvents("attempt_failed a 1", "step_caught a", "task_dispatched b 1");
    expect(w.inputs()).toEqual({ b: "boom/caught/it broke" });
  });

  test("a failure that `when` does not want stands", () => {
    const steps = { a: task({ catch: { when: "error.code == 'other'", then: 1 } }) };
    expect(walk(steps).given(start(), failed("a")).end()).toBe("a boom");
  });

  test("a catch that fails itself leaves the failure standing and says so", () => {
    const w = walk({ a: task({ catch: { then: "${error.details.nothing}" } }) }).given(start(), failed("a"));
    expect(w.end()).toBe("a boom");
    expect(w.failure()?.details).toMatchObject({ catch: expect.stringContaining("catch.then") });
  });

  const handled = {
    a: task({ catch: { then: "mend" } }),
    mend: task({ with: "${steps.a.error.code}" }),
    b: task({ with: "${steps.a.output}" }),
  };

  test("a handler runs only when it is called, and what it gives stands as the output", () => {
    const w = walk(handled, { output: "${steps.a.output}" }).given(start());
    w.when(failed("a")).thenEvents("attempt_failed a 1", "step_caught a", "task_dispatched mend 1");
    expect(w.inputs()).toEqual({ mend: "boom" });
    w.when(done("mend", 5)).thenEvents("step_succeeded mend 1", "step_caught a", "task_dispatched b 1");
    expect(w.inputs()).toEqual({ b: 5 });
    expect(w.given(done("b")).end()).toBe(5);
  });

  test("a handler that is not called does not hold the run up", () => {
    const w = walk(handled).given(start(), done("a", 1), done("b"));
    expect(w.end()).toBeNull();
  });

  test("a handler that fails fails the step it was called for", () => {
    const w = walk(handled)
      .given(start(), failed("a"))
      .when(failed("mend", { code: "worse" }));
    w.thenEvents("attempt_failed mend 1", "step_failed mend", "step_failed a", "run_failed a");
    expect(w.end()).toBe("a worse");
  });

  test("a handler that is skipped ends the caught step with null", () => {
    const steps = { a: task({ catch: { then: "mend" } }), mend: task({ if: "false" }) };
    const w = walk(steps, { output: { a: "${steps.a.output}" } }).given(start(), failed("a"));
    expect(w.end()).toEqual({ a: null });
  });

  test("a late repeat of the failed attempt is known while the handler runs, and after", () => {
    const w = walk(handled).given(start(), failed("a"));
    w.when(failed("a")).thenRepeated();
    w.given(done("mend")).when(failed("a")).thenRepeated();
  });
});

describe("set, wait, emit", () => {
  test("set gives its value at once", () => {
    const w = walk({ a: { uses: "set", with: { n: "${input.n * 2}" } } }, { output: "${steps.a.output.n}" });
    w.when(start({ n: 3 })).thenEvents("run_started", "step_succeeded a", "run_completed");
    expect(w.end()).toBe(6);
  });

  test("wait starts a timer and ends with it", () => {
    const w = walk({ a: { uses: "wait", with: { for: "90s" } }, b: task({ needs: ["a"] }) });
    w.when(start()).thenEvents("run_started", "step_waiting a").thenCommands("start_timer wait:a");
    expect(w.commit?.commands[0]).toMatchObject({ due: at(90_000) });
    w.when(timer("wait:a", 90_000)).thenEvents("step_succeeded a", "task_dispatched b 1");
    w.when(timer("wait:a", 90_001)).thenRepeated();
  });

  test("wait takes an instant", () => {
    const w = walk({ a: { uses: "wait", with: { until: "${input}" } } }).when(start("2026-03-01T00:00:00Z"));
    expect(w.commit?.commands[0]).toMatchObject({ due: "2026-03-01T00:00:00.000Z" });
  });

  test("a wait for nothing fails its step", () => {
    for (const wrong of [{}, { for: "soon" }, { until: "later" }, { for: 3 }, "30s", []]) {
      expect(
        walk({ a: { uses: "wait", with: "${input}" } })
          .when(start(wrong))
          .end(),
      ).toBe("a invalid_wait");
    }
  });

  test("emit records the event and ends", () => {
    const w = walk({ a: { uses: "emit", with: { event: "seen", data: { n: "${input}" } } } }).when(start(1));
    w.thenEvents("run_started", "event_emitted a", "step_succeeded a", "run_completed");
    expect(w.commit?.events[1]).toMatchObject({ name: "seen", data: { n: 1 } });
  });

  test("an emit without a name, or with too much, fails its step", () => {
    expect(
      walk({ a: { uses: "emit", with: {} } })
        .when(start())
        .end(),
    ).toBe("a invalid_emit");
    const much = { a: { uses: "emit", with: { event: "x", data: ["${input}", "${input}"] } } };
    expect(
      walk(much)
        .when(start("x".repeat(40_000)))
        .end(),
    ).toBe("a limit_exceeded");
  });
});

describe("forEach", () => {
  const each = (more: Rest = {}, forEach: Rest = {}) => ({
    a: task({ forEach: { in: "input", as: "pet", ...forEach }, with: "${pet + item}", ...more }),
  });

  test("each item is a task of its own, and the outputs keep their order", () => {
    const w = walk(each(), { output: "${steps.a.output}" }).when(start(["x", "y"]));
    w.thenEvents("run_started", "step_expanded a", "task_dispatched a~0 1", "task_dispatched a~1 1");
    expect(w.inputs()).toEqual({ "a~0": "xx", "a~1": "yy" });
    expect(w.given(done("a~1", "second"), done("a~0", "first")).end()).toEqual(["first", "second"]);
  });

  test("no items give an empty list at once", () => {
    const w = walk(each(), { output: "${steps.a.output}" }).when(start([]));
    w.thenEvents("run_started", "step_expanded a", "step_succeeded a", "run_completed");
    expect(w.end()).toEqual([]);
  });

  test("at most maxParallel items are open", () => {
    const w = walk(each({}, { maxParallel: 2 })).when(start(["a", "b", "c"]));
    w.thenCommands("dispatch_task a~0 1", "dispatch_task a~1 1");
    w.when(done("a~1")).thenEvents("step_succeeded a~1 1", "task_dispatched a~2 1");
    w.when(done("a~0")).thenEvents("step_succeeded a~0 1");
  });

  test("an item is retried by itself", () => {
    const w = walk(each({ retry: { max: 2 } })).given(start(["a", "b"]));
    w.when(failed("a~1")).thenEvents("attempt_failed a~1 1").thenCommands("start_timer retry:a~1:1");
    w.when(timer("retry:a~1:1")).thenEvents("task_dispatched a~1 2");
    expect(w.inputs()).toEqual({ "a~1": "bb" });
    expect(w.given(done("a~1", 1, { attempt: 2 }), done("a~0")).end()).toBeNull();
  });

  test("an item that fails stops the others and fails the step", () => {
    const w = walk(each())
      .given(start(["a", "b", "c"]), done("a~0"))
      .when(failed("a~1"));
    w.thenEvents(
      "attempt_failed a~1 1",
      "step_failed a~1",
      "step_cancelled a~2",
      "step_failed a",
      "run_failed a",
    );
    w.thenCommands("stop_task a~2 1");
    expect(w.failure()).toMatchObject({ code: "boom", message: "item 1: it broke", details: { item: 1 } });
  });

  test("a failed item can be caught, and late results of the others are refused", () => {
    const steps = { ...each({ catch: { then: "none" } }), b: task({ needs: ["a"] }) };
    const w = walk(steps)
      .given(start(["a", "b"]))
      .when(failed("a~0"));
    w.thenEvents(
      "attempt_failed a~0 1",
      "step_failed a~0",
      "step_cancelled a~1",
      "step_caught a",
      "task_dispatched b 1",
    );
    w.when(done("a~1")).thenRefused("attempt_unknown", "written");
    w.when(failed("a~0")).thenRepeated();
  });

  test("what is selected stands for an item's output", () => {
    const w = walk(each({ select: "output.n" }), { output: "${steps.a.output}" }).given(start(["a", "b"]));
    expect(w.given(done("a~0", big, { selected: 1 }), done("a~1", { n: 2 }, { selected: 2 })).end()).toEqual([
      1, 2,
    ]);
  });

  test("big outputs of items are passed on by reference, and cannot be looked into", () => {
    const steps = { ...each(), b: task({ with: { all: "${steps.a.output}" } }) };
    const w = walk(steps).given(start(["a", "b"]), done("a~0", big), done("a~1", 2));
    expect(w.inputs()).toEqual({ b: { all: [reference, 2] } });
    const look = walk({ ...each(), b: task({ with: "${steps.a.output.map(o, o.n)}" }) });
    expect(look.given(start(["a"]), done("a~0", big)).end()).toBe("b output_not_inline");
  });

  test("outputs that take too much together fail the step with the way out", () => {
    const w = walk(each()).given(
      start(["a", "b"]),
      done("a~0", "x".repeat(40_000)),
      done("a~1", "x".repeat(40_000)),
    );
    expect(w.end()).toBe("a output_not_inline");
    expect(w.failure()?.message).toContain("select");
  });

  test("a list that is none, or too long, fails the step", () => {
    expect(walk(each()).when(start("text")).end()).toBe("a expression_failed");
    expect(
      walk(each())
        .when(start(Array.from({ length: 10_001 }, () => 0)))
        .end(),
    ).toBe("a limit_exceeded");
  });

  test("`if` is asked once, before there are items", () => {
    walk(each({ if: "size(input) > 1" }))
      .when(start(["a"]))
      .thenEvents("run_started", "step_skipped a", "run_completed");
  });

  test("a lost item is dispatched again alone", () => {
    walk(each())
      .given(start(["a", "b"]))
      .when(lost("a~1"))
      .thenEvents("attempt_lost a~1 1", "task_dispatched a~1 2");
  });
});

describe("lost attempts", () => {
  test("a lost attempt is dispatched again at once and does not count as a failure", () => {
    const w = walk({ a: task({ retry: { max: 2 } }) }).given(start());
    w.when(lost("a")).thenEvents("attempt_lost a 1", "task_dispatched a 2");
    w.when(failed("a", { attempt: 2 })).thenCommands("start_timer retry:a:2");
  });

  test("a repeated report of a loss is a repeat", () => {
    const w = walk(one).given(start(), lost("a"));
    w.when(lost("a")).thenRepeated();
    w.when(redelivered("a")).thenRepeated();
  });

  test("a redelivery of an attempt that has a result is refused", () => {
    walk({ a: task(), b: task() })
      .given(start(), done("a"))
      .when(redelivered("a"))
      .thenRefused("attempt_unknown", "written");
  });

  test("more than five losses are a failure of the step", () => {
    const w = walk(one).given(start());
    for (let attempt = 1; attempt <= 5; attempt++) w.given(lost("a", { attempt }));
    w.when(lost("a", { attempt: 6 })).thenEvents("attempt_failed a 6", "step_failed a", "run_failed a");
    expect(w.end()).toBe("a worker_lost");
  });

  test("an irreversible call that had not begun is dispatched again", () => {
    walk(pay).given(start()).when(redelivered("a")).thenEvents("attempt_lost a 1", "task_dispatched a 2");
  });

  test("an irreversible call that had begun is asked about and never repeated by itself", () => {
    const w = walk(pay).given(start(), began("a"));
    w.when(redelivered("a")).thenEvents("step_unknown a 1").thenCommands();
    w.when(nudge(1e9)).thenNothing();
    expect(w.open()).toEqual([]);
  });

  test("the beginning of a call is recorded once, for one worker", () => {
    const first = began("a");
    const w = walk(pay).given(start()).when(first).thenEvents("attempt_started a 1");
    w.when(first).thenRepeated();
    // The same worker, by another input: it came back after a crash, or was handed the task once more.
    w.when(began("a")).thenRefused("attempt_taken", "unwritten");
    w.when(began("a", { worker: "w2" })).thenRefused("attempt_taken", "unwritten");
    w.when(began("a", { attempt: 2 })).thenRefused("attempt_unknown", "written");
    w.given(cancel()).when(began("a")).thenRefused("run_already_ended", "unwritten");
  });
});

describe("resolve", () => {
  const unknown = () => walk(pay, { output: "${steps.a.output}" }).given(start(), began("a"), lost("a"));

  test("done gives the step its output", () => {
    expect(
      unknown()
        .given(resolve("a", "done", "paid"))
        .end(),
    ).toBe("paid");
  });

  test("failed fails the step", () => {
    expect(unknown().given(resolve("a", "failed")).end()).toBe("a resolved_as_failed");
  });

  test("retry dispatches the next attempt", () => {
    unknown().when(resolve("a", "retry")).thenEvents("attempt_lost a 1", "task_dispatched a 2");
  });

  test("the worker's late result settles the matter", () => {
    expect(unknown().given(done("a", "paid after all")).end()).toBe("paid after all");
  });

  test("only a step whose outcome is unknown can be resolved", () => {
    walk(pay)
      .given(start(), began("a"))
      .when(resolve("a", "done"))
      .thenRefused("step_not_unknown", "written");
  });

  test("the same resolve again is a repeat", () => {
    const again = resolve("a", "retry");
    unknown().given(again).when(again).thenRepeated();
  });
});

describe("time and cancel", () => {
  test("a run that takes too long fails and takes its tasks back", () => {
    const w = walk(one, { timeout: "1m" }).when(start());
    w.thenCommands("start_timer run", "dispatch_task a 1");
    w.when(timer("run", 60_000)).thenEvents("run_failed").thenCommands("stop_task a 1");
    expect(w.end()).toBe("run timeout");
    w.when(timer("run", 60_001)).thenRepeated();
  });

  test("a start may shorten the timeout and never lengthen it", () => {
    for (const [timeoutMs, due] of [
      [10_000, 10_000],
      [90_000, 60_000],
    ] as const) {
      const w = walk(one, { timeout: "1m" }).when(start({}, { timeoutMs }));
      expect(w.commit?.commands[0]).toMatchObject({ timer: "run", due: at(due) });
    }
  });

  test("a timer that nothing waits for is harmless", () => {
    for (const name of ["run", "wait:a", "retry:a:1", "wait:zz", "retry:../x:1", "wait", "other:a", ""]) {
      walk(one).given(start()).when(timer(name)).thenRepeated();
    }
  });

  test("a cancel ends the run at once and takes its tasks back", () => {
    const w = walk({ a: task(), b: task(), c: task({ needs: ["a"] }) })
      .given(start(), done("b"))
      .when(cancel("enough"));
    w.thenEvents("run_cancelled").thenCommands("stop_task a 1");
    expect(w.end()).toBe("enough");
  });

  test("the same cancel again is a repeat, another one comes too late", () => {
    const w = walk(one).given(start(), cancel("enough", "c1"));
    w.when(cancel("enough", "c1")).thenRepeated();
    w.when(cancel("enough", "c2")).thenRefused("run_already_ended", "unwritten");
  });
});

describe("nudge and continue", () => {
  test("a nudge leaves no trace on a run that is sane", () => {
    walk({ a: task(), b: { uses: "wait", with: { for: "1h" } } })
      .given(start())
      .when(nudge(5))
      .thenNothing();
  });

  test("a nudge makes good what a lost timer should have done", () => {
    const steps = { a: task({ retry: { max: 2 } }), b: { uses: "wait", with: { for: "1h" } } };
    const w = walk(steps, { timeout: "1d" }).given(start(), failed("a"));
    w.when(nudge(3_600_000)).thenEvents("step_succeeded b", "task_dispatched a 2");
    expect(w.given(nudge(86_400_000)).end()).toBe("run timeout");
  });

  test("one commit dispatches a hundred tasks, the rest follows", () => {
    const steps = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`s${i}`, task()]));
    const w = walk(steps).when(start());
    expect(w.commit?.commands.filter(({ kind }) => kind === "dispatch_task")).toHaveLength(100);
    expect(w.commit?.commands.at(-1)).toEqual({ kind: "continue" });
    expect(w.open().at(-1)).toBe("continue");
    w.when(goOn());
    w.when(goOn());
    expect(w.commit?.commands.filter(({ kind }) => kind === "dispatch_task")).toHaveLength(50);
    expect(w.open()).toHaveLength(250);
    w.when(goOn()).thenNothing();
  });

  test("items of a forEach step beyond the commit's room follow too", () => {
    const each = { a: task({ forEach: { in: "input", maxParallel: 150 }, with: "${item}" }) };
    const w = walk(each).given(start(Array.from({ length: 200 }, (_, i) => i)), goOn());
    expect(w.commit?.commands.filter(({ kind }) => kind === "dispatch_task")).toHaveLength(50);
    expect(w.open()).toHaveLength(150);
  });

  test("lost attempts beyond the commit's room are dispatched by the next one", () => {
    const each = { a: task({ forEach: { in: "input", maxParallel: 150 }, with: "${item}" }) };
    const w = walk(each).given(start(Array.from({ length: 150 }, (_, i) => i)), goOn());
    w.when(...Array.from({ length: 150 }, (_, i) => lost(`a~${i}`)));
    expect(w.commit?.commands.at(-1)).toEqual({ kind: "continue" });
    w.when(goOn());
    expect(w.commit?.events.every(({ kind }) => kind === "task_dispatched")).toBe(true);
    expect(w.open()).toHaveLength(150);
  });

  test("a commit that is full leaves the rest of its inputs to the next", () => {
    const steps = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, task()]));
    const w = walk(steps).given(start());
    const inputs = Array.from({ length: 20 }, (_, i) => done(`s${i}`, "x".repeat(60_000)));
    w.when(...inputs);
    expect(w.answers.length).toBeGreaterThan(0);
    expect(w.answers.length).toBeLessThan(20);
    expect(JSON.stringify(w.commit).length).toBeLessThan(400_000);
    while (w.state.kind === "active") w.when(...inputs.slice(20 - stillOpen([...w.state.steps.values()])));
    expect(w.end()).toBeNull();
  });
});

function stillOpen(steps: readonly StepState[]): number {
  return steps.filter(({ kind }) => kind === "running").length;
}

test("ids of client inputs are remembered up to a limit, then refused", () => {
  const w = walk(pay).given(start(), began("a"), lost("a"));
  const { state } = w;
  if (state.kind !== "active") throw new Error("the run goes on");
  const full = { ...state, inputs: new Set(Array.from({ length: 10_000 }, (_, i) => `k${i}`)) };
  // Ten thousand walks through a decision would take long: the set alone is what counts.
  Object.assign(w, { state: full });
  const decided = decide(w.plan, w.state, [cancel()], { run, hash });
  expect(decided.answers).toEqual([expect.objectContaining({ kind: "refused", reason: "limit_exceeded" })]);
  expect(decided.commit).toBeUndefined();
});

describe("tasks that were sent again because the queue was lost", () => {
  test("it is told once, and nothing follows: the same attempt under the same id is waited for", () => {
    const w = walk(one).given(start());
    const before = openCommands(w.state, w.plan, { run });
    const again = resent("a", { worker: "w1", id: "resent-1" });
    w.when(again).thenEvents("task_resent a 1").thenCommands();
    expect(openCommands(w.state, w.plan, { run })).toEqual(before);
    w.when(again).thenNothing();
    w.when(resent("a", { id: "resent-2" })).thenEvents("task_resent a 1");
    w.when(done("a", 1)).thenEvents("step_succeeded a 1", "run_completed");
  });

  test("of an attempt that has ended, or of a run that has, nothing is told", () => {
    const w = walk({ a: task(), b: task({ needs: ["a"] }) }).given(start(), done("a"));
    w.when(resent("a")).thenNothing();
    w.when(resent("b", { attempt: 2 })).thenNothing();
    w.given(done("b")).when(resent("b")).thenRepeated();
  });

  test("a call that cannot be repeated is still asked about when a worker gets it again", () => {
    const w = walk(pay).given(start(), began("a"));
    w.when(resent("a", { worker: "w1" })).thenEvents("task_resent a 1");
    w.when(redelivered("a")).thenEvents("step_unknown a 1");
  });

  test("a thousand of them do not make a commit that the log cannot take", () => {
    const count = 1_000;
    const items = Array.from({ length: count }, (_, n) => n);
    const w = walk({ a: task({ forEach: { in: "input", maxParallel: count } }) }).given(start(items));
    while (w.commit?.commands.some(({ kind }) => kind === "continue") === true) w.when(goOn());
    const inputs = items.map((n) => resent(`a~${n}`, { worker: "w".repeat(60) }));
    const decided = decide(w.plan, w.state, inputs, { run, hash });
    expect(decided.answers.length).toBeLessThan(count);
    expect(JSON.stringify(decided.commit).length).toBeLessThan(512 * 1024);
  });
});
