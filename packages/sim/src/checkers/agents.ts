/** Journals against what models saw and against the run's own history. */
import type { JournalRecord } from "@agentflow/protocol";
import type { Ledger } from "../house/ledger.ts";
import { checkConversations } from "./conversation.ts";
import { checkDeeds } from "./deeds.ts";
import type { History } from "./history.ts";
import type { Journal } from "./journal.ts";

type Say = (run: string, what: string) => void;

export interface Agents {
  readonly journals: ReadonlyMap<string, Journal>;
  readonly histories: ReadonlyMap<string, History>;
  readonly ledger: Ledger;
}

export function checkAgents(of: Agents, say: Say): void {
  const { journals, histories, ledger } = of;
  for (const journal of journals.values()) {
    const { run, step, faults } = journal;
    if (ledger.isTorn(run)) continue;
    for (const fault of faults) say(run, `journal of ${step}: ${fault}`);
    const history = histories.get(run);
    const root = history === undefined ? undefined : rootOf(history, step);
    if (root === undefined) say(run, `a journal of ${step}, which is no step of the run`);
    else checkAttempts(journal, { root, history }, say);
  }
  checkAsks(of, say);
  checkConversations(of, say);
  checkDeeds(of, say);
  for (const history of histories.values()) if (!ledger.isTorn(history.run)) checkEnds(history, of, say);
}

/** The step of the run to whose attempts a journal belongs: sub-agents' have `~<k>` behind it. */
export function rootOf({ steps }: History, step: string): string | undefined {
  for (let id = step; id !== ""; id = id.slice(0, Math.max(0, id.lastIndexOf("~")))) {
    if (steps.has(id)) return id;
  }
  return undefined;
}

/** No more attempts than the run tells of, and no more model calls lost than attempts that could lose one. */
function checkAttempts(
  journal: Journal,
  { root, history }: { readonly root: string; readonly history: History | undefined },
  say: Say,
): void {
  const { run, step, attempts, models, records } = journal;
  const known = new Set(history?.steps.get(root)?.attempts.map(({ attempt }) => attempt));
  const stray = attempts.find((attempt) => !known.has(attempt));
  if (stray !== undefined) say(run, `attempt ${stray} has the journal of ${step}, no commit tells of it`);
  const lost = models.filter(({ end }) => end === "lost").length;
  const takeovers = records.filter(({ record }) => takesOver(record)).length;
  if (lost > takeovers) say(run, `${step} lost ${lost} model calls in ${takeovers} attempts`);
}

function takesOver({ events }: JournalRecord): boolean {
  return events[0]?.kind === "attempt_took_over";
}

/** Each call of a model is in the journal before it is made, and is made once. */
function checkAsks({ journals, ledger }: Agents, say: Say): void {
  const seen = new Set<string>();
  for (const ask of ledger.asks) {
    const { run, step, n, atMs, attempt } = ask;
    if (ledger.isTorn(run)) continue;
    const key = `${run} ${step} ${n}`;
    if (seen.has(key)) say(run, `model call ${n} of ${step} was made twice`);
    seen.add(key);
    const asked = journals.get(`${run} ${step}`)?.models[n - 1];
    if (asked === undefined) say(run, `model call ${n} of ${step} is not in the journal`);
    else if (asked.called.atMs > atMs) say(run, `model call ${n} of ${step} was made before it was stored`);
    else if (asked.called.attempt > attempt)
      say(run, `model call ${n} of ${step} was made by attempt ${attempt}, an older one`);
  }
}

/** A step that a model did succeeds with what its journal ended with, and not before. */
function checkEnds({ run, steps }: History, { journals }: Agents, say: Say): void {
  for (const [step, { end, attempts }] of steps) {
    const uses = attempts.at(-1)?.dispatched.command?.uses;
    if (uses?.kind !== "agent" || uses.name === "think" || end?.kind !== "step_succeeded") continue;
    const journal = journals.get(`${run} ${step}`);
    if (journal?.finished !== true) {
      say(run, `${step} succeeded and its journal has not ended`);
      continue;
    }
    const finished = journal.records.flatMap(({ record }) => record.events).find(isFinish);
    const output = finished?.kind === "agent_finished" ? finished.output : undefined;
    if (JSON.stringify(output) !== JSON.stringify(end.value))
      say(run, `${step} gave another output than its journal`);
  }
}

function isFinish({ kind }: { readonly kind: string }): boolean {
  return kind === "agent_finished";
}
