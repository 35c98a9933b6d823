/** All checkers together: every promise that was broken, each in one line. */
import type { Engine } from "@agentflow/control-plane";
import type { LogEntry } from "@agentflow/bus";
import { AgentFlowError, defaultTenant, parseId, prefixes, type RunSummary } from "@agentflow/protocol";
import { archiveIdAgeMs } from "../house/engine-process.ts";
import type { House } from "../house/house.ts";
import type { WorkflowSpec } from "../workload/spec.ts";
import { drive, passTime } from "../world/drive.ts";
import { type History, isUnknown, readHistory } from "./history.ts";
import { checkBuilds } from "./builds.ts";
import { checkAgents } from "./agents.ts";
import { type Journal, readJournals } from "./journal.ts";
import { checkOutside } from "./outside.ts";
import { checkProjection, type Projected } from "./projection.ts";
import { commitsByRun, readWholeLog } from "./read-log.ts";
import { storyOf } from "./story.ts";
import { checkShownJournals } from "./shown-journals.ts";
import { checkUsage } from "./usage.ts";
import { checkValues } from "./values.ts";

const answerMaxMs = 60_000;
const askRounds = 5;

export async function readHistories(house: House): Promise<Map<string, History>> {
  return historiesOf(await readLog(house));
}

async function readLog(house: House): Promise<readonly LogEntry[]> {
  return drive(house.time, readWholeLog(house.bus.log, prefixes.log), answerMaxMs);
}

function historiesOf(entries: readonly LogEntry[]): Map<string, History> {
  const runs = commitsByRun(entries);
  return new Map([...runs].map(([run, commits]) => [run, readHistory(run, commits)]));
}

/**
 * The log, and what each engine shows of it, with nothing written in between: reading takes time, in which a
 * run's own deadline may pass.
 */
async function readSteadily(
  house: House,
  say: (run: string, what: string) => void,
): Promise<{ readonly entries: readonly LogEntry[]; readonly shown: readonly Projected[] }> {
  for (let round = 1; ; round++) {
    const entries = await readLog(house);
    const shown: Projected[] = [];
    try {
      for (const { engine } of house.engines) {
        if (engine !== undefined) shown.push(await projected(house, engine));
      }
    } catch (error) {
      say("all", `the engine does not answer: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (round === askRounds || (await readLog(house)).length === entries.length) return { entries, shown };
  }
}

export interface Checked {
  readonly violations: readonly string[];
  /** What became of the first run that is named by a violation. */
  readonly story: readonly string[];
}

/** `diligent`: whoever is asked answers in the end, so that every run ends. */
export async function check(
  house: House,
  { specs, diligent }: { readonly specs: readonly WorkflowSpec[]; readonly diligent: boolean },
): Promise<Checked> {
  const faults = new Set<string>();
  const say = (run: string, what: string): void => void faults.add(`${run} ${what}`);
  const { entries, shown } = await readSteadily(house, say);
  const [histories, journals] = [historiesOf(entries), readJournals(entries)];
  for (const [run, history] of histories) {
    for (const fault of history.faults) say(run, fault);
    const spec = specs.find(({ name }) => name === history.started?.workflow);
    const asked = house.ledger.asked.get(run);
    if (spec === undefined || asked === undefined) say(run, "nobody asked for this run");
    else if (!hadTwoBodies(house, run)) {
      for (const fault of checkValues(history, spec, asked)) say(run, fault);
    }
    if (diligent ? history.end === undefined : !isSettled(history))
      say(run, `has not ended: ${openSteps(history)}`);
  }
  checkOutside(histories, house.ledger, say);
  checkBuilds(histories, house, say);
  checkAgents({ journals, histories, ledger: house.ledger }, say);
  try {
    for (const one of shown) checkProjection(histories, one, say);
    await checkAbsent(house, histories, say);
    for (const history of histories.values()) await checkShown(house, history, { journals, say });
    const ofJournals = {
      journals,
      ask: <T>(what: (engine: Engine) => Promise<T>) => ask(house, what),
      archive: async () => {
        if (house.isShared) return 0;
        await passTime(house.time, archiveIdAgeMs);
        return ask(house, (engine) => engine.archive({ keepRuns: 0 }));
      },
      isTorn: (run: string) => house.ledger.isTorn(run),
    };
    await checkShownJournals(ofJournals, say);
  } catch (error) {
    say("all", `the engine does not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
  const violations = [...faults];
  const run = violations[0]?.split(" ")[0] ?? "";
  const startMs = house.time.now() - house.time.monotonic();
  const own = [...journals.values()].filter((journal) => journal.run === run);
  const story = storyOf(histories.get(run)?.commits ?? [], house.ledger, { run, startMs, journals: own });
  return { violations, story };
}

async function checkShown(
  house: House,
  history: History,
  of: { readonly journals: ReadonlyMap<string, Journal>; readonly say: (run: string, what: string) => void },
): Promise<void> {
  const { journals, say } = of;
  const { run } = history;
  const isThinking = [...journals.values()].some((journal) => journal.run === run);
  if (!isThinking || house.ledger.isTorn(run)) return;
  const view = await ask(house, (engine) => engine.runs.get(defaultTenant, parseId("run", run)));
  checkUsage(history, { journals, shown: view.usage }, say);
}

/** Torn off the log and started anew with another body: what was under way for the first may still answer. */
function hadTwoBodies({ ledger }: House, run: string): boolean {
  return ledger.isTorn(run) && ledger.refused.some((one) => one.run === run && one.body === "other");
}

/** Ended, or waiting for a person as it should, with nothing else under way. */
export function isSettled(history: History): boolean {
  if (history.end !== undefined) return true;
  const open = [...history.steps.values()].filter(({ end }) => end === undefined);
  const under = open.filter(({ attempts, waiting, openApprovals }) => {
    return attempts.length > 0 || waiting !== undefined || openApprovals.size > 0;
  });
  return under.length > 0 && under.every(isUnknown);
}

async function projected(house: House, engine: Engine): Promise<Projected> {
  await ask(house, () => engine.caughtUp());
  const rows: RunSummary[] = [];
  for (let cursor: string | undefined; ; ) {
    const filter = cursor === undefined ? { limit: 5 } : { limit: 5, cursor };
    const page = await ask(house, () => engine.runs.list(defaultTenant, filter));
    rows.push(...page.runs);
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  const { runs } = await ask(house, () => engine.status());
  return { rows, counts: runs };
}

/** A fault that was planned for a single call may strike only now: whoever asks asks again. */
async function ask<T>(house: House, what: (engine: Engine) => Promise<T>): Promise<T> {
  for (let round = 0; ; round++) {
    const { engine } = house;
    if (engine === undefined) throw new Error("no engine serves");
    try {
      return await drive(house.time, what(engine), answerMaxMs);
    } catch (error) {
      if (round === askRounds || !AgentFlowError.is(error) || error.code !== "unavailable") throw error;
    }
  }
}

/** A run that the log lost is known not to be there: never half, and never a wait without end. */
async function checkAbsent(
  house: House,
  histories: ReadonlyMap<string, History>,
  say: (run: string, what: string) => void,
): Promise<void> {
  for (const run of house.ledger.asked.keys()) {
    if (histories.has(run)) continue;
    if (!house.ledger.isTorn(run)) say(run, "was asked for again and again and is not in the log");
    const id = parseId("run", run);
    const found = await ask(house, (engine) => engine.runs.get(defaultTenant, id).catch(notFound));
    if (found !== undefined) say(run, "is not in the log and still shown");
  }
}

function notFound(error: unknown): undefined {
  if (!AgentFlowError.is(error) || error.code !== "not_found") throw error;
}

function openSteps({ steps }: History): string {
  const open = [...steps].filter(([, { end }]) => end === undefined);
  const shown = open.map(([id, { attempts, waiting }]) => {
    const last = attempts.at(-1);
    if (last === undefined) return `${id} ${waiting === undefined ? "open" : `waits until ${waiting.until}`}`;
    return `${id}/${last.attempt} ${last.end ?? (last.started === undefined ? "dispatched" : "started")}`;
  });
  return shown.length === 0 ? "no step is open" : shown.join(", ");
}
