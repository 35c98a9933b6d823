/**
 * The offline checker: reads what is left of a run of faults and says which promises were broken. It knows
 * the shape of the records and nothing of the core that wrote them.
 */
import type { RunEvent } from "@agentflow/protocol";
import { ledgerSteps } from "../embedded/project.ts";
import { checkCalls } from "./check-calls.ts";
import type { Evidence, Stored, ToldLine, ViewLine } from "./evidence.ts";
import type { Fault, Say } from "./fault.ts";

export interface Verdict {
  readonly faults: readonly Fault[];
  readonly runs: number;
  readonly commits: number;
  readonly calls: number;
  /** Calls behind the first of a step: each has an attempt of its own. */
  readonly repeated: number;
}

export function checkEvidence(evidence: Evidence): Verdict {
  const faults: Fault[] = [];
  const sayOf =
    (run: string): Say =>
    (broken, what) =>
      void faults.push({ broken, run, what });
  const commits = Map.groupBy(evidence.log, ({ run }) => run);
  const told = Map.groupBy(evidence.told, ({ run }) => run ?? "");
  const calls = Map.groupBy(evidence.calls, ({ run }) => run);
  for (const { complaint } of told.get("") ?? []) sayOf("-")("told", `a client was told: ${complaint}`);
  const views = new Map(evidence.views?.map((view) => [view.run, view]));
  for (const run of new Set([...commits.keys(), ...told.keys(), ...calls.keys()])) {
    if (run === "") continue;
    const [say, history] = [sayOf(run), commits.get(run) ?? []];
    const lines = told.get(run) ?? [];
    if (history.length === 0) {
      if (lines.length > 0) say("lost", "it was accepted and the log has nothing of it");
      else say("outside", "tools acted for it and the log has nothing of it");
      continue;
    }
    checkFences(history, say);
    checkHistory(history, say);
    checkTold(history, lines, say);
    if (evidence.views !== undefined) checkView(history, views.get(run), say);
    checkCalls(history, { calls: calls.get(run) ?? [], losses: evidence.losses }, say);
  }
  const first = new Set(evidence.calls.map(({ run, step }) => `${run} ${step}`));
  return {
    faults,
    runs: commits.size,
    commits: evidence.log.length,
    calls: evidence.calls.length,
    repeated: evidence.calls.length - first.size,
  };
}

/** Each commit stands on the one before: nothing between is gone, and nobody wrote from an older state. */
function checkFences(history: readonly Stored[], say: Say): void {
  let before = 0;
  for (const { sequence, fence } of history) {
    if (fence === null) say("fence", `commit ${sequence} was written without a fence`);
    else if (fence > before) say("hole", `commit ${sequence} stands on ${fence}, which is not there`);
    else if (fence < before) {
      say("fence", `commit ${sequence} stands on ${fence}, though ${before} was there`);
    }
    if (sequence <= before) say("hole", `commit ${sequence} comes behind ${before}`);
    before = sequence;
  }
}

function checkHistory(history: readonly Stored[], say: Say): void {
  const events = history.flatMap(({ commit }) => commit.events);
  const inputs = history.flatMap(({ commit }) =>
    commit.inputs.filter(({ refused }) => refused === undefined),
  );
  for (const [id, taken] of Map.groupBy(inputs, (input) => input.id)) {
    if (taken.length > 1) say("doubled", `input ${id} was taken ${taken.length} times`);
  }
  if (events[0]?.kind !== "run_started") say("hole", "it does not begin with its start");
  const starts = events.filter(({ kind }) => kind === "run_started").length;
  if (starts > 1) say("doubled", `it started ${starts} times`);
  checkEnd(events, say);
  for (let i = 0; i < ledgerSteps; i++) checkStep(events, i, say);
}

function checkEnd(events: readonly RunEvent[], say: Say): void {
  const ends = events.filter(({ kind }) => /^run_(completed|failed|cancelled)$/.test(kind));
  const [end] = ends;
  if (end === undefined) return say("ended", "it has not ended");
  if (ends.length > 1) say("doubled", `it ended ${ends.length} times`);
  else if (events.at(-1) !== end) say("doubled", "it went on behind its end");
  if (end.kind !== "run_completed") say("ended", `it ended as ${end.kind}`);
}

/** One result, which is the one before plus one; attempts in order, each dispatched and ended once. */
function checkStep(events: readonly RunEvent[], i: number, say: Say): void {
  const step = `s${i}`;
  const own = events.filter((event) => "step" in event && event.step === step);
  const results = own.filter((event) => event.kind === "step_succeeded");
  const hasEnded = events.some(({ kind }) => kind === "run_completed");
  if (results.length > 1) say("doubled", `${step} has ${results.length} results`);
  if (results.length === 0 && hasEnded) say("lost", `${step} has no result`);
  const wanted = JSON.stringify({ inline: { n: i + 1 } });
  for (const { output } of results) {
    const found = JSON.stringify(output);
    if (found !== wanted) say("lost", `${step} gave ${found}, not ${wanted}`);
  }
  let [attempt, isOpen] = [0, false];
  for (const event of own) {
    if (event.kind === "task_dispatched") {
      if (event.attempt !== attempt + 1) say("doubled", `${step}/${event.attempt} comes behind /${attempt}`);
      else if (isOpen) say("doubled", `${step}/${event.attempt} was sent while /${attempt} was open`);
      [attempt, isOpen] = [event.attempt, true];
    } else if (event.kind === "attempt_lost" || event.kind === "attempt_failed") {
      if (event.attempt !== attempt || !isOpen)
        say("fence", `${step}/${event.attempt} ended, and it was not open`);
      isOpen = false;
    } else if (event.kind === "step_succeeded") {
      if (event.attempt !== undefined && event.attempt !== attempt) {
        say("fence", `${step} took the result of /${event.attempt}, though /${attempt} was its newest`);
      }
      isOpen = false;
    }
  }
}

/** What a client was told is so, and stays so. */
function checkTold(history: readonly Stored[], lines: readonly ToldLine[], say: Say): void {
  const outputs = lines.flatMap(({ output }) => output ?? []);
  const end = history.flatMap(({ commit }) => commit.events).find(({ kind }) => kind === "run_completed");
  for (const told of outputs) {
    if (end?.kind !== "run_completed") say("told", `a client was told ${told}, and the log knows no end`);
    else if (JSON.stringify(end.output) !== JSON.stringify({ inline: { n: told } })) {
      say("told", `a client was told ${told}, the log says ${JSON.stringify(end.output)}`);
    }
  }
  const complaints = lines.flatMap(({ complaint }) => complaint ?? []);
  for (const complaint of complaints) say("told", `a client was told: ${complaint}`);
}

/** The API tells the log: each event of each commit, in order, and nothing else. */
function checkView(history: readonly Stored[], view: ViewLine | undefined, say: Say): void {
  if (view === undefined) return say("lost", "the API was not asked for it");
  if (view.missing !== undefined) return say("lost", `the API does not know it: ${view.missing}`);
  const kept = history.flatMap(({ sequence, commit }) =>
    commit.events.map(({ kind }, n) => `${sequence}.${n} ${kind}`),
  );
  const told = view.events.map(([revision, n, kind]) => `${revision}.${n} ${kind}`);
  const at = kept.findIndex((event, n) => event !== told[n]);
  if (at >= 0) say("hole", `the API tells ${told[at] ?? "nothing"} where the log has ${kept[at]}`);
  else if (told.length > kept.length)
    say("doubled", `the API tells ${told[kept.length]}, which the log has not`);
}
