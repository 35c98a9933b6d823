import type { Commit, RunInput } from "@agentflow/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { PreparedPlan } from "../plan/index.ts";
import { type RunState, decide, emptyRun, evolve, evolveCommit, fold, openCommands } from "./index.ts";
import { type Open, answerTo, anySteps, outside } from "./fixtures/arbitrary.ts";
import { hash, run, start } from "./fixtures/inputs.ts";
import { type Steps, plan } from "./fixtures/plans.ts";

const inputsMax = 1_000;

interface World {
  readonly seed: number;
  /** Which of the open commands is answered next, drawn in turn. */
  readonly order: readonly number[];
}

const anyWorld = fc.record({
  seed: fc.nat(1_000),
  order: fc.array(fc.nat(50), { minLength: 1, maxLength: 60 }),
});
/** Which of several failing items is told depends on who came first: how each step ended does not. */
function withOutput(steps: Steps): PreparedPlan {
  const ends = Object.keys(steps).map((id) => {
    return [
      id,
      [`\${steps.?${id}.?status.orValue("never")}`, `\${steps.?${id}.?output.orValue(null)}`],
    ] as const;
  });
  return plan(steps, { output: Object.fromEntries(ends) });
}

interface Walked {
  readonly state: RunState;
  readonly commits: readonly Commit[];
  readonly inputs: readonly RunInput[];
  readonly opens: readonly (readonly Open[])[];
}

type Look = (now: { state: RunState; open: readonly Open[]; input: RunInput }) => readonly Open[];

/** Walks a run to its end, each input in a commit of its own. */
function walk(prepared: PreparedPlan, { seed, order }: World, look: Look = ({ open }) => open): Walked {
  let state = emptyRun;
  let open: readonly Open[] = [];
  const commits: Commit[] = [];
  const inputs: RunInput[] = [];
  const opens: (readonly Open[])[] = [];
  let next: RunInput | undefined = start({});
  while (next !== undefined && inputs.length < inputsMax) {
    const decided = decide(prepared, state, [next], { run, hash });
    state = decided.state;
    if (decided.commit !== undefined) commits.push(JSON.parse(JSON.stringify(decided.commit)));
    inputs.push(next);
    open = look({ state, open: outside(open, decided.commit), input: next });
    opens.push(open);
    const pick = (order[inputs.length % order.length] ?? 0) % Math.max(1, open.length);
    const chosen: Open | undefined = state.kind === "active" ? open[pick] : undefined;
    next = chosen === undefined ? undefined : answerTo(chosen, seed, inputs.length * 60_000);
    open = open.filter((one) => one !== chosen);
  }
  return { state, commits, inputs, opens };
}

function endOf(state: RunState): unknown {
  if (state.kind !== "ended") return state.kind;
  return state.end.kind === "run_completed" ? state.end.output : state.end.kind;
}

test("every run ends, and its fold is its state", () => {
  fc.assert(
    fc.property(anySteps, anyWorld, (steps, world) => {
      const { state, commits } = walk(withOutput(steps), world);
      expect(state.kind).toBe("ended");
      expect(fold(commits)).toEqual(state);
      expect(commits.reduce(evolveCommit, emptyRun)).toEqual(state);
      // Events alone do not know which inputs of clients they came from.
      const folded = commits.flatMap(({ events }) => events).reduce(evolve, emptyRun);
      expect(folded).toEqual({ ...state, inputs: new Set() });
    }),
    { numRuns: 300 },
  );
});

test("any order of arrival ends the same", () => {
  fc.assert(
    fc.property(
      anySteps,
      anyWorld,
      fc.array(fc.nat(50), { minLength: 1, maxLength: 60 }),
      (steps, world, order) => {
        const prepared = withOutput(steps);
        const first = walk(prepared, world);
        const second = walk(prepared, { ...world, order });
        expect(endOf(second.state)).toEqual(endOf(first.state));
      },
    ),
    { numRuns: 300 },
  );
});

test("what is open can be worked out after any commit: the same tasks under the same ids", () => {
  fc.assert(
    fc.property(anySteps, anyWorld, (steps, world) => {
      const prepared = withOutput(steps);
      walk(prepared, world, ({ state, open }) => {
        // A state that was folded in another process has none of the values that this one has in memory.
        const again = reopened(structuredClone(state), prepared);
        const known = state.kind === "active" ? open : [];
        for (const command of again) expect(known).toContainEqual(command);
        const forgotten = known.filter((one) => !again.some((other) => same(one, other)));
        expect(forgotten.filter(({ kind }) => kind !== "start_timer" && !isQuestion(kind))).toEqual([]);
        return open;
      });
    }),
    { numRuns: 200 },
  );
});

function isQuestion(kind: Open["kind"]): boolean {
  return kind === "approve" || kind === "settle";
}

/** Timers of approvals aside: the question that they belong to is answered instead. */
function reopened(state: RunState, prepared: PreparedPlan): Open[] {
  return openCommands(state, prepared, { run }).flatMap((one): Open[] => {
    if (one.kind === "stop_task") return [];
    return one.kind === "start_timer" && one.timer.startsWith("approval:") ? [] : [one];
  });
}

function same(a: Open, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

test("a new owner that sends everything open again comes to the same end", () => {
  fc.assert(
    fc.property(anySteps, anyWorld, fc.nat(30), (steps, world, at) => {
      const prepared = withOutput(steps);
      const whole = walk(prepared, world);
      let seen = 0;
      const resumed = walk(prepared, world, ({ state, open }) => {
        if (seen++ !== at) return open;
        return [...open.filter(({ kind }) => isQuestion(kind)), ...reopened(state, prepared)];
      });
      expect(endOf(resumed.state)).toEqual(endOf(whole.state));
    }),
    { numRuns: 200 },
  );
});

test("an input that comes twice changes nothing the second time", () => {
  fc.assert(
    fc.property(anySteps, anyWorld, (steps, world) => {
      const prepared = withOutput(steps);
      const { inputs, commits } = walk(prepared, world);
      const folded = commits.map((_, i) => fold(commits.slice(0, i + 1)));
      const last = folded.at(-1) ?? emptyRun;
      for (const input of inputs) {
        const again = decide(prepared, last, [input], { run, hash });
        expect(again.commit?.events ?? []).toEqual([]);
        expect(again.state).toEqual(last);
      }
    }),
    { numRuns: 100 },
  );
});

test("decided together or one by one, the same inputs lead to the same state", () => {
  fc.assert(
    fc.property(anySteps, anyWorld, (steps, world) => {
      const prepared = withOutput(steps);
      const { inputs, state } = walk(prepared, world);
      let at: RunState = emptyRun;
      for (let i = 0; i < inputs.length; ) {
        const decided = decide(prepared, at, inputs.slice(i), { run, hash });
        at = decided.state;
        i += decided.answers.length;
      }
      expect(at).toEqual(state);
    }),
    { numRuns: 100 },
  );
});

test("a state that was given is never changed", () => {
  fc.assert(
    fc.property(anySteps, anyWorld, (steps, world) => {
      const prepared = withOutput(steps);
      const { inputs, commits } = walk(prepared, world);
      let state = emptyRun;
      const kept: { state: RunState; copy: RunState }[] = [];
      for (const input of inputs) {
        kept.push({ state, copy: structuredClone(state) });
        state = decide(prepared, state, [input], { run, hash }).state;
      }
      for (const { state: then, copy } of kept) expect(then).toEqual(copy);
      expect(fold(commits)).toEqual(state);
    }),
    { numRuns: 100 },
  );
});
