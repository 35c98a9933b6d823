import {
  defaultPool,
  type DispatchTask,
  instant,
  parseId,
  type RunEvent,
  type TaskDispatched,
} from "@agentflow/protocol";
import { expect, test } from "vitest";
import { ledgerSteps } from "../embedded/project.ts";
import { checkEvidence } from "./check.ts";
import type { CallLine, Evidence, Stored, ViewLine } from "./evidence.ts";

const run = "r01jabcdefghjkmnpqrstvwxyz0";
const pay = 3;
const at = instant(1_790_000_000_000);
const worker = parseId("worker", "w1");
const hash = parseId("definition", "0".repeat(64));

const dispatched = (i: number, attempt = 1): RunEvent => ({
  kind: "task_dispatched",
  at,
  step: stepOf(i),
  attempt,
  input: inputOf(i, attempt),
  n: 0,
});
const succeeded = (i: number, attempt = 1): RunEvent => ({
  kind: "step_succeeded",
  at,
  step: stepOf(i),
  attempt,
  output: { inline: { n: i + 1 } },
});
const started = (i: number, attempt = 1): RunEvent => ({
  kind: "attempt_started",
  at,
  step: stepOf(i),
  attempt,
  worker,
});
const lost = (i: number, attempt = 1): RunEvent => ({
  kind: "attempt_lost",
  at,
  step: stepOf(i),
  attempt,
  reason: "its worker is gone",
});

function nth(log: readonly Stored[], at: number): Stored {
  const one = log[at];
  if (one === undefined) throw new Error(`the log has no commit ${at}`);
  return one;
}

function stepOf(i: number) {
  return parseId("step instance", `s${i}`);
}

function inputOf(i: number, attempt: number) {
  return parseId("input", `in-${i}-${attempt}`);
}

function commit(sequence: number, fence: number | null, events: readonly RunEvent[]): Stored {
  const inputs = [{ id: parseId("input", `by-${sequence}`), kind: "result", at }];
  const commands = events.flatMap((event) => (event.kind === "task_dispatched" ? [commandOf(event)] : []));
  const body = { v: 1, kind: "commit", inputs, events, commands } as const;
  return { run, sequence, fence, atMs: 0, commit: body };
}

function commandOf({ input, n, step, attempt }: TaskDispatched): DispatchTask {
  const uses = { kind: "tool", name: parseId("tool", "outside.note") } as const;
  const effect = step === stepOf(pay) ? "irreversible" : "write";
  const rest = { effect, with: { inline: {} }, pool: defaultPool } as const;
  return { kind: "dispatch_task", input, n, step, attempt, uses, ...rest };
}

function call(i: number, attempt = 1, callId = `${run}-s${i}`): CallLine {
  return { run, step: `s${i}`, attempt, callId, atMs: 0 };
}

/** A run as it should be: six steps, one of them paid for, one with a second attempt. */
function whole(): Evidence {
  const log: Stored[] = [];
  const say = (...events: readonly RunEvent[]): void => {
    log.push(commit(10 * (log.length + 1), 10 * log.length, events));
  };
  const fingerprint = "f";
  const build = parseId("build", "dev");
  const input = { inline: { n: 0 } };
  say(
    { kind: "run_started", at, workflow: "paid", version: "0", plan: hash, build, input, fingerprint },
    dispatched(0),
  );
  say(lost(0), dispatched(0, 2));
  for (let i = 0; i < ledgerSteps; i++) {
    if (i === pay) say(started(i));
    const result = succeeded(i, i === 0 ? 2 : 1);
    if (i + 1 < ledgerSteps) say(result, dispatched(i + 1));
    else say(result, { kind: "run_completed", at, output: { inline: { n: ledgerSteps } } });
  }
  const calls = Array.from({ length: ledgerSteps }, (_, i) => call(i));
  return {
    log,
    views: [viewOf(log)],
    told: [
      { run, accepted: true },
      { run, output: ledgerSteps },
    ],
    calls: [...calls, call(0, 2)],
    losses: [],
  };
}

function viewOf(log: readonly Stored[]): ViewLine {
  const events = log.flatMap((stored) =>
    stored.commit.events.map(({ kind }, n) => [stored.sequence, n, kind] as const),
  );
  return { run, events };
}

/** What the checker says, each fault by the promise that it breaks. */
function faultsOf(change: (good: Evidence) => Partial<Evidence>): string[] {
  const good = whole();
  const { faults } = checkEvidence({ ...good, views: undefined, ...change(good) });
  return faults.map(({ broken, what }) => `${broken}: ${what}`);
}

test("a run with one result a step, and a repeat in an attempt of its own, has no fault", () => {
  const verdict = checkEvidence(whole());
  expect(verdict.faults).toEqual([]);
  expect(verdict).toMatchObject({ runs: 1, commits: 9, calls: 7, repeated: 1 });
});

test("a run that was accepted and is not in the log is lost", () => {
  expect(faultsOf(() => ({ log: [], calls: [] }))).toEqual([
    "lost: it was accepted and the log has nothing of it",
  ]);
});

test("a commit that is gone is a hole: the one behind stands on it", () => {
  expect(faultsOf(({ log }) => ({ log: log.toSpliced(4, 1) }))).toContain(
    "hole: commit 60 stands on 50, which is not there",
  );
});

test("an owner of old that writes behind a newer one is seen by its fence, whatever it wrote", () => {
  const old = commit(55, 40, []);
  const faults = faultsOf(({ log }) => ({ log: [...log.slice(0, 5), old, ...log.slice(5)] }));
  expect(faults).toEqual([
    "fence: commit 55 stands on 40, though 50 was there",
    "fence: commit 60 stands on 50, though 55 was there",
  ]);
  expect(faultsOf(({ log }) => ({ log: log.with(2, { ...nth(log, 2), fence: null }) }))).toEqual([
    "fence: commit 30 was written without a fence",
  ]);
});

test("a result that is recorded twice, and an input that is taken twice, are doubled", () => {
  const faults = faultsOf(({ log }) => {
    const again = { ...nth(log, 3), sequence: 45, fence: 40 };
    return { log: [...log.slice(0, 4), again, { ...nth(log, 4), fence: 45 }, ...log.slice(5)] };
  });
  expect(faults).toContain("doubled: s1 has 2 results");
  expect(faults).toContain("doubled: input by-40 was taken 2 times");
  expect(faults).toContain("doubled: s2/1 comes behind /1");
});

test("the result of an attempt that was over is a fence that failed", () => {
  const faults = faultsOf(({ log }) => ({
    log: log.with(2, {
      ...nth(log, 2),
      commit: { ...nth(log, 2).commit, events: [succeeded(0, 1), dispatched(1)] },
    }),
  }));
  expect(faults).toEqual(["fence: s0 took the result of /1, though /2 was its newest"]);
});

test("a run without an end, or that goes on behind it, is said", () => {
  expect(faultsOf(({ log, told }) => ({ log: log.slice(0, -1), told: told.slice(0, 1) }))).toEqual([
    "ended: it has not ended",
  ]);
  const more = commit(100, 90, [started(5)]);
  expect(faultsOf(({ log }) => ({ log: [...log, more] }))).toContain("doubled: it went on behind its end");
});

test("what a client was told has to be what the log says", () => {
  expect(faultsOf(({ told }) => ({ told: [...told, { run, output: 5 }] }))).toEqual([
    'told: a client was told 5, the log says {"inline":{"n":6}}',
  ]);
  expect(faultsOf(({ told }) => ({ told: [...told, { complaint: "no" }] }))).toEqual([
    "told: a client was told: no",
  ]);
});

test("a call needs an attempt, has one key, and a result needs a call", () => {
  expect(faultsOf(({ calls }) => ({ calls: [...calls, call(1)] }))).toEqual([
    "outside: s1/1 was called again, and the queue had not lost its task",
  ]);
  const losses = [{ lostAfterMs: 0, newByMs: 5 }];
  const again = { ...call(1), atMs: 9 };
  expect(faultsOf(({ calls }) => ({ calls: [...calls, again], losses }))).toEqual([]);
  const tooLate = [{ lostAfterMs: 10, newByMs: 15 }];
  expect(faultsOf(({ calls }) => ({ calls: [...calls, again], losses: tooLate }))).toHaveLength(1);
  expect(faultsOf(({ calls }) => ({ calls: [...calls, call(1, 2)] }))).toEqual([
    "outside: s1/2 was called, and no commit tells of it",
  ]);
  expect(faultsOf(({ calls }) => ({ calls: [...calls.slice(0, -1), call(0, 2, "other")] }))).toEqual([
    "outside: s0 was called under 2 idempotency keys",
  ]);
  expect(faultsOf(({ calls }) => ({ calls: calls.slice(1, -1) }))).toEqual([
    "outside: s0 has a result and was never done",
  ]);
});

test("what cannot be taken back is done once, and again only when somebody said so", () => {
  const unknown: RunEvent = { kind: "step_unknown", at, step: stepOf(pay), attempt: 1, reason: "gone" };
  const second = [lost(pay), dispatched(pay, 2), started(pay, 2)];
  const twice = (events: readonly RunEvent[]) => (good: Evidence) => ({
    log: good.log
      .flatMap((stored, i) => {
        if (i !== 5) return [stored];
        const body = { ...stored.commit, events: [...stored.commit.events, ...events] };
        return [{ ...stored, commit: body }];
      })
      .map((stored, i) => (i === 6 ? withAttempt(stored, 2) : stored)),
    calls: [...good.calls, call(pay, 2)],
  });
  expect(faultsOf(twice([unknown, ...second]))).toEqual([]);
  expect(faultsOf(twice(second))).toEqual(["outside: the irreversible s3 was called 2 times"]);
});

test("one that writes and was announced, because its task came late, is no payment", () => {
  const log = ({ log: good }: Evidence) => {
    const late = nth(good, 2);
    const events = [started(0, 2), ...late.commit.events];
    return good.with(2, { ...late, commit: { ...late.commit, events } });
  };
  expect(faultsOf((good) => ({ log: log(good) }))).toEqual([]);
});

function withAttempt(stored: Stored, attempt: number): Stored {
  const events = stored.commit.events.map((event) =>
    event.kind === "step_succeeded" ? { ...event, attempt } : event,
  );
  return { ...stored, commit: { ...stored.commit, events } };
}

test("the API tells what the log has: no less, no more", () => {
  const short = ({ log }: Evidence) => ({ views: [{ run, events: viewOf(log).events.slice(0, -1) }] });
  expect(faultsOf(short)).toEqual(["hole: the API tells nothing where the log has 90.1 run_completed"]);
  expect(faultsOf(() => ({ views: [] }))).toEqual(["lost: the API was not asked for it"]);
  expect(faultsOf(() => ({ views: [{ run, events: [], missing: "no such run" }] }))).toEqual([
    "lost: the API does not know it: no such run",
  ]);
});
