/** What the world outside saw, against what the log says: acts of tools, answers to clients and workers. */
import type { Act, Decided, LatePush, Ledger, Reported, Told } from "../house/ledger.ts";
import { otherBase } from "../workload/spec.ts";
import { at, sumOf } from "../workload/tools.ts";
import { parseJson } from "./parse-json.ts";
import type { AttemptFacts, History, StepFacts } from "./history.ts";

type Say = (run: string, what: string) => void;

/** A run whose commits were torn off the log is held only to what its history can still know. */
export function checkOutside(histories: ReadonlyMap<string, History>, ledger: Ledger, say: Say): void {
  for (const act of ledger.acts) checkAct(histories.get(act.run), act, ledger, say);
  checkIrreversible(histories, ledger, say);
  for (const late of ledger.latePushes) checkLate(histories.get(late.task.run), late, ledger, say);
  for (const told of ledger.told) checkTold(histories.get(told.run), told, ledger, say);
  for (const reported of ledger.reported) checkReported(histories.get(reported.run), reported, ledger, say);
  for (const decided of ledger.decided) checkDecided(histories.get(decided.run), decided, ledger, say);
  for (const { run, input, answer } of ledger.cancelled) {
    if (ledger.isTorn(run) || answer.kind !== "accepted") continue;
    if (histories.get(run)?.end?.kind !== "run_cancelled")
      say(run, `the cancel ${input} was accepted and the run not cancelled`);
  }
  for (const { run, code, body } of ledger.refused) {
    if (ledger.isTorn(run)) continue;
    const winner = histories.get(run)?.started?.input;
    const other =
      winner !== undefined && "inline" in winner && sumOf(at(winner.inline, "base") ?? 0) >= otherBase;
    const won = other === (body === "other");
    if (won && code !== "accepted") say(run, `its start was refused: ${code}`);
    if (!won && code !== "conflict") say(run, `a start with another body was answered ${code}`);
  }
}

/** An answer that was accepted is the one that stands, and was given to exactly what was asked. */
function checkDecided(history: History | undefined, decided: Decided, ledger: Ledger, say: Say): void {
  const { run, approval, hash, approve, by, answer } = decided;
  if (ledger.isTorn(run) || answer !== "accepted") return;
  const facts = history?.approvals[Number(approval.slice(run.length + 1)) - 1];
  if (facts === undefined) return say(run, `${by} answered ${approval}, which nobody asked for`);
  if (facts.hash !== hash) say(run, `${by} answered ${approval} by the hash of something else`);
  if (facts.decided?.by !== by || facts.decided.approved !== approve) {
    say(run, `${by} was told that the answer to ${approval} holds, the log says otherwise`);
  }
}

/** No act without a task in the log, and none before it was there. */
function checkAct(history: History | undefined, act: Act, ledger: Ledger, say: Say): void {
  if (ledger.isTorn(act.run)) return;
  if (history?.started === undefined)
    return say(act.run, `${act.tool} acted for a run that was never accepted`);
  const attempt = attemptOf(history, act);
  if (attempt === undefined)
    return say(act.run, `${act.tool} acted for ${act.step}/${act.attempt}, which no commit tells of`);
  if (act.atMs < attempt.dispatched.atMs)
    say(act.run, `${act.step}/${act.attempt} acted before its commit was stored`);
}

function checkIrreversible(histories: ReadonlyMap<string, History>, ledger: Ledger, say: Say): void {
  const counts = new Map<string, number>();
  for (const act of ledger.acts) {
    if (act.tool !== "sim.pay" || ledger.isTorn(act.run)) continue;
    const key = `${act.run} ${act.step}/${act.attempt}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    const facts = histories.get(act.run)?.steps.get(act.step);
    const attempt = facts?.attempts.find((one) => one.attempt === act.attempt);
    if (attempt !== undefined && attempt.started === undefined)
      say(act.run, `${act.step}/${act.attempt} acted unannounced`);
    const before = facts?.attempts.filter((one) => one.attempt < act.attempt) ?? [];
    if (before.some(({ started, end }) => started !== undefined && end !== "failed")) {
      say(act.run, `${act.step}/${act.attempt} acted after an attempt whose outcome nobody knows`);
    }
  }
  for (const [key, count] of counts) {
    if (count > 1) say(key.slice(0, 27), `the irreversible ${key.slice(28)} acted ${count} times`);
  }
}

/** What was on record when its task came once more is not done again, unless that would be harmless. */
function checkLate(history: History | undefined, { task, atMs }: LatePush, ledger: Ledger, say: Say): void {
  const { run, step, attempt, effect } = task;
  if (history === undefined || ledger.isTorn(run) || effect === "pure" || effect === "read") return;
  const facts = attemptOf(history, task);
  if (facts?.end !== "succeeded" || facts.endMs >= atMs) return;
  const again = ledger.acts.some(
    (act) => act.run === run && act.step === step && act.attempt === attempt && act.atMs > atMs,
  );
  if (again) say(run, `${step}/${attempt} acted again, though its result was on record`);
}

/** What a client was told is in the log, and stays so. */
function checkTold(history: History | undefined, { answer, client }: Told, ledger: Ledger, say: Say): void {
  const { run, status, revision } = answer;
  if (ledger.isTorn(run)) return;
  if (history?.started === undefined) return say(run, `${client} was told of a run that is not in the log`);
  if (!history.commits.some((commit) => commit.revision === revision)) {
    say(run, `${client} was told revision ${revision}, which no commit of the run has`);
  }
  if (status === "running" || status === "parked") return;
  const { end } = history;
  if (end?.kind !== `run_${status}`)
    return say(run, `${client} was told ${status}, the log says ${end?.kind}`);
  if (end.kind !== "run_completed") return;
  const recorded = "inline" in end.output ? sumOf(end.output.inline) : Number.NaN;
  const told = sumOf(parseJson(JSON.stringify(answer.output ?? null)));
  if (told !== recorded) say(run, `${client} was told ${told}, the log says ${recorded}`);
}

/** An answer to a worker rests on a commit: what was taken is there, and what was refused as unknown too. */
function checkReported(history: History | undefined, reported: Reported, ledger: Ledger, say: Say): void {
  const { run, input, answer } = reported;
  if (ledger.isTorn(run) || !("step" in input) || !("attempt" in input)) return;
  const name = `${input.kind} of ${input.step}/${input.attempt}`;
  const attempt = history === undefined ? undefined : attemptOf(history, input);
  const known = history?.inputs.get(input.id);
  if (answer.kind === "refused") {
    if (answer.reason !== "attempt_unknown") return;
    if (known?.refusedMs === undefined) say(run, `the refusal of a ${name} was not written`);
    if (attempt?.end === undefined && !isOver(history, input.step))
      say(run, `a ${name} was refused though it was awaited`);
    return;
  }
  if (answer.repeated !== true && known?.takenMs === undefined)
    return say(run, `an accepted ${name} is not in the log`);
  if (known?.takenMs !== undefined && known.takenMs > reported.atMs)
    say(run, `a ${name} was answered before its commit was stored`);
  if (input.kind !== "result" || attempt?.end !== undefined || isOver(history, input.step)) return;
  say(run, `a ${name} was accepted and the attempt is still open`);
}

function isOver(history: History | undefined, step: string): boolean {
  const facts: StepFacts | undefined = history?.steps.get(step);
  return history?.end !== undefined || facts?.end !== undefined;
}

function attemptOf(history: History, of: { step: string; attempt: number }): AttemptFacts | undefined {
  return history.steps.get(of.step)?.attempts.find(({ attempt }) => attempt === of.attempt);
}
