/** Outputs have the value that the workflow means: worked out from its specification, step by step. */
import type { Json, Value } from "@agentflow/protocol";
import { at, sumOf } from "../workload/tools.ts";
import { otherBase, type StepSpec, type WorkflowSpec } from "../workload/spec.ts";
import type { AttemptFacts, History, StepFacts } from "./history.ts";
import { parseJson } from "./parse-json.ts";

/** What a client asked for: the number that every task adds, and the items of forEach steps. */
export interface Asked {
  readonly base: number;
  readonly items: readonly number[];
}

export function checkValues(history: History, spec: WorkflowSpec, client: Asked): string[] {
  const faults: string[] = [];
  const asked = { ...client, base: baseOf(history, client.base) };
  const say = (what: string): void => void faults.push(what);
  const specs = new Map(spec.steps.map((step) => [step.id, step]));
  for (const [id, facts] of history.steps) {
    const [name = "", item] = id.split("~");
    const step = specs.get(name);
    if (step === undefined) {
      say(`${id} is no step of this workflow`);
      continue;
    }
    const own = item === undefined ? asked.base : (asked.items[Number(item)] ?? Number.NaN);
    for (const attempt of facts.attempts) checkInput({ history, step, attempt, own, say });
    checkOrder({ history, step, facts, id, say });
    checkOutput({ history, step, facts, id, say });
  }
  checkEnd(history, spec, say);
  return faults;
}

/** Of two bodies under one id the first that was stored is the run's. */
function baseOf({ started }: History, base: number): number {
  const input = started?.input;
  const given = input !== undefined && "inline" in input ? at(input.inline, "base") : undefined;
  return given === base + otherBase ? base + otherBase : base;
}

interface Look {
  readonly history: History;
  readonly step: StepSpec;
  readonly say: (what: string) => void;
}

/** Each attempt is given what its step saw when it began: the same every time. */
function checkInput({
  history,
  step,
  attempt,
  own,
  say,
}: Look & { attempt: AttemptFacts; own: number }): void {
  const { command } = attempt.dispatched;
  if (command === undefined || !("inline" in command.with)) return;
  const given = at(command.with.inline, "x");
  const x: readonly Json[] = Array.isArray(given) ? given : [];
  const facts = history.steps.get(command.step);
  const opened = placeOpened(history, step, facts?.opened ?? attempt.dispatched.place);
  const wanted = [own, ...step.from.map((from) => worth(history.steps.get(from), opened))];
  const seen = wanted.map((_, n) => sumOf(x[n] ?? null));
  if (seen.join() !== wanted.join()) {
    say(`${command.step} attempt ${attempt.attempt} was given ${seen.join("+")}, not ${wanted.join("+")}`);
  }
}

/** Items see what their step saw when it was opened, so only what ended before its first task counts. */
function placeOpened(history: History, step: StepSpec, fallback: number): number {
  if (step.kind !== "each") return fallback;
  return history.steps.get(`${step.id}~0`)?.opened ?? fallback;
}

/** What a step's output sums up to for whoever reads it at a place in the history. */
function worth(facts: StepFacts | undefined, before: number): number {
  if (facts?.end === undefined || facts.end.place >= before) return 0;
  return valueOf(facts);
}

function valueOf({ end, selected }: StepFacts): number {
  if (selected !== undefined) return sumOf(parseJson(JSON.stringify(selected)));
  const value: Value | undefined = end?.value;
  return value !== undefined && "inline" in value ? sumOf(value.inline) : 0;
}

function checkOrder({ history, step, facts, id, say }: Look & { facts: StepFacts; id: string }): void {
  const place = facts.opened ?? facts.end?.place;
  if (place === undefined) return;
  const needs = [...step.from, ...step.after].map((need) => history.steps.get(need)?.end);
  const over = needs.filter((end) => end !== undefined && end.place < place);
  const good = over.filter((end) => end?.kind === "step_succeeded" || end?.kind === "step_caught").length;
  if (step.handlerOf !== undefined || facts.end?.kind === "step_skipped") return;
  const neverBegan = facts.attempts.length === 0 && facts.failure !== undefined;
  if (neverBegan || facts.end?.kind === "step_cancelled") return;
  const count = step.join === "any" ? 1 : step.join.startsWith("n:") ? Number(step.join.slice(2)) : undefined;
  if (count !== undefined && good < count)
    say(`${id} began after ${good} of the ${count} steps it waits for`);
  if (count === undefined && over.length < needs.length) say(`${id} began before all its needs had ended`);
  if (step.join === "all" && over.some((end) => end?.kind === "step_failed"))
    say(`${id} began after a failed need`);
}

function checkOutput({ step, facts, id, say, history }: Look & { facts: StepFacts; id: string }): void {
  if (facts.end?.kind === "step_caught" && facts.end.value !== undefined) {
    const wanted = step.caught?.value;
    if (valueOf(facts) !== wanted) say(`${id} was caught as ${valueOf(facts)}, not ${wanted}`);
    return;
  }
  if (facts.end?.kind !== "step_succeeded") return;
  const wanted = wantedOutput({ step, facts, id, history });
  if (wanted !== undefined && valueOf(facts) !== wanted) say(`${id} gave ${valueOf(facts)}, not ${wanted}`);
}

function wantedOutput(of: Omit<Look, "say"> & { facts: StepFacts; id: string }): number | undefined {
  const { step, facts, id, history } = of;
  if (step.kind === "wait" || step.kind === "emit") return 0;
  const place = facts.end?.place ?? 0;
  if (step.kind === "set")
    return step.by + sum(step.from.map((from) => worth(history.steps.get(from), place)));
  if (step.kind === "each" && !id.includes("~")) {
    const items = Array.from({ length: facts.expanded ?? 0 }, (_, n) => history.steps.get(`${id}~${n}`));
    if (items.some((item) => item?.end?.kind !== "step_succeeded")) return Number.NaN;
    return sum(items.map((item) => (item === undefined ? 0 : valueOf(item))));
  }
  const command = facts.attempts.at(-1)?.dispatched.command;
  if (command === undefined || !("inline" in command.with)) return undefined;
  // A person who resolves a call says "done" with the value that it would have given.
  return sumOf(at(command.with.inline, "x") ?? null) + step.by + (step.asks ?? 0);
}

function checkEnd(history: History, spec: WorkflowSpec, say: Look["say"]): void {
  const { end, started } = history;
  if (end === undefined || started === undefined) return;
  if (end.kind === "run_failed" && end.failure.code === "timeout" && end.step === undefined) {
    if (started.deadline === undefined || end.at < started.deadline)
      say("the run timed out before its deadline");
    return;
  }
  if (end.kind === "run_failed") {
    const failed = end.step === undefined ? undefined : history.steps.get(end.step);
    if (failed?.end?.kind !== "step_failed") say(`the run failed (${end.failure.code}) though no step did`);
    return;
  }
  if (end.kind !== "run_completed") return;
  const total = sum(spec.sinks.map((sink) => worth(history.steps.get(sink), Number.MAX_SAFE_INTEGER)));
  const given = "inline" in end.output ? sumOf(end.output.inline) : Number.NaN;
  if (given !== total) say(`the run gave ${given}, not ${total}`);
  for (const step of spec.steps) {
    if (step.handlerOf === undefined && history.steps.get(step.id)?.end === undefined)
      say(`the run completed without ${step.id}`);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
