/**
 * Whether this release can go on with all that an installation has in flight: it folds every history and
 * journal that is in the log, and looks for what runs in flight name. It reads, and writes nothing.
 */
import type { Bus, LogEntry } from "@agentflow/bus";
import type { Clock } from "@agentflow/host/clock";
import { evolveCommit, fold, type RunState } from "@agentflow/core/run";
import { emptyTurn, evolveTurn, parseJournal, type TurnState } from "@agentflow/core/turn";
import { AgentFlowError, parseLogSubject, prefixes, type RunId, type Subject } from "@agentflow/protocol";
import { namedByEntry } from "../backup/names.ts";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import { checkRows } from "./check-rows.ts";
import { type HistoriesReport, type HistoryFinding, HistoryFindings } from "./report.ts";
import { References } from "./references.ts";

export interface CheckOptions {
  readonly bus: Pick<Bus, "log" | "table" | "blobs">;
  readonly clock: Pick<Clock, "now">;
  /** This program's. */
  readonly release: string;
  /** Gives it up. */
  readonly signal: AbortSignal;
  /** Told as it goes on. */
  readonly onProgress?: (done: { readonly runs: number; readonly journals: number }) => void;
}

/** Read side by side: each holds one history, and the blobs that it names, one after another. */
const sideBySide = 16;

export async function checkHistories(options: CheckOptions): Promise<HistoriesReport> {
  const check = new Check(options);
  await check.run();
  return check.report();
}

type Parsed = Extract<NonNullable<ReturnType<typeof parseLogSubject>>, { kind: "run" | "turn" }>;

class Check {
  readonly #options: CheckOptions;
  readonly #findings = new HistoryFindings();
  readonly #references: References;
  /** Runs in flight, by their ids alone: what their journals name must be there too. */
  readonly #open = new Set<RunId>();
  /** By tenant and build. */
  readonly #builds = new Map<string, number>();
  readonly #counts = { open: 0, ended: 0, unreadable: 0, commits: 0, events: 0, journals: 0, records: 0 };
  #workflows = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#references = new References(options.bus.blobs, this.#findings);
  }

  async run(): Promise<void> {
    await this.#each("run", (subject, of) => this.#history(subject, of));
    await this.#each("turn", (subject, of) => this.#journal(subject, of));
    const { bus, clock } = this.#options;
    this.#workflows = await checkRows({
      table: bus.table,
      nowMs: clock.now(),
      findings: this.#findings,
      references: this.#references,
      builds: this.#builds,
    });
  }

  report(): HistoriesReport {
    const { open, ended, unreadable, commits, events, journals, records } = this.#counts;
    const { errors, warnings, first } = this.#findings;
    return {
      release: this.#options.release,
      runs: { open, ended, unreadable },
      commits,
      events,
      journals,
      journalRecords: records,
      plans: this.#references.plans,
      values: this.#references.values,
      workflows: this.#workflows,
      errors,
      warnings,
      findings: first,
    };
  }

  async #each(kind: Parsed["kind"], look: (subject: Subject, of: Parsed) => Promise<void>): Promise<void> {
    const { signal, bus } = this.#options;
    for await (const page of bus.log.subjects(prefixes.log)) {
      const waiting = page.values();
      const work = async (): Promise<void> => {
        for (const subject of waiting) {
          if (signal.aborted) throw givenUp(this.#counts);
          const of = parseLogSubject(subject);
          if (of?.kind !== kind) continue;
          await look(subject, of);
          this.#tell();
        }
      };
      await Promise.all(Array.from({ length: sideBySide }, work));
    }
  }

  #tell(): void {
    const { open, ended, unreadable, journals } = this.#counts;
    this.#options.onProgress?.({ runs: open + ended + unreadable, journals });
  }

  async #history(subject: Subject, { tenant, run }: Parsed): Promise<void> {
    const read = await this.#settled(() => this.#fold(subject));
    if (read === undefined) return;
    const { state, problem, commits, events, named } = read;
    this.#counts.commits += commits;
    this.#counts.events += events;
    if (problem !== undefined) {
      this.#counts.unreadable++;
      return this.#findings.add({ ...problem, severity: "error", tenant, run });
    }
    if (state.kind !== "active") {
      this.#counts.ended++;
      return;
    }
    this.#counts.open++;
    this.#open.add(run);
    const { plan, build } = state.started;
    const place = `${tenant} ${build}`;
    this.#builds.set(place, (this.#builds.get(place) ?? 0) + 1);
    await this.#references.plan({ tenant, run, hash: plan });
    await this.#references.valuesOf({ tenant, run }, named);
  }

  async #journal(subject: Subject, of: Parsed): Promise<void> {
    const { tenant, run } = of;
    const step = of.kind === "turn" ? of.step : "";
    const read = await this.#settled(() => this.#foldJournal(subject, this.#open.has(run)));
    if (read === undefined) return;
    this.#counts.journals++;
    this.#counts.records += read.records;
    if (read.problem !== undefined) {
      // Of a run that has ended nobody goes on with it: it can only be shown no more.
      const severity = this.#open.has(run) ? "error" : "warning";
      return this.#findings.add({ ...read.problem, severity, tenant, run, step });
    }
    await this.#references.valuesOf({ tenant, run, step }, read.named);
  }

  /** What somebody changes under our eyes is looked at once more before it counts as a fault. */
  async #settled<T extends { readonly problem: Problem | undefined; readonly isEmpty: boolean }>(
    read: () => Promise<T>,
  ): Promise<T | undefined> {
    const first = await read();
    const last = first.problem === undefined ? first : await read();
    return last.isEmpty ? undefined : last;
  }

  async #fold(subject: Subject) {
    let state: RunState = fold([]);
    let problem: Problem | undefined;
    let [commits, events] = [0, 0];
    const named = new Set<string>();
    for await (const entry of this.#entries(subject)) {
      commits++;
      if (problem !== undefined) continue;
      const parsed = parseCommit(entry.body);
      if (!parsed.ok) {
        problem = { code: "history_newer", message: parsed.message, revision: entry.revision };
        continue;
      }
      events += parsed.commit.events.length;
      for (const key of valuesIn(entry)) named.add(key);
      try {
        state = evolveCommit(state, parsed.commit);
        if (state.kind === "absent") throw new AgentFlowError("internal", "it does not begin with a start");
      } catch (error) {
        problem = { code: "history_broken", message: messageOf(error), revision: entry.revision };
      }
    }
    return { state, commits, events, named, problem, isEmpty: commits === 0 };
  }

  async #foldJournal(subject: Subject, isOpen: boolean) {
    let state: TurnState = emptyTurn;
    let problem: Problem | undefined;
    let records = 0;
    const named = new Set<string>();
    for await (const entry of this.#entries(subject)) {
      records++;
      if (problem !== undefined) continue;
      const parsed = parseJournal(entry.body);
      if (!parsed.ok) {
        problem = { code: "journal_newer", message: parsed.message, revision: entry.revision };
        continue;
      }
      if (isOpen) for (const key of valuesIn(entry)) named.add(key);
      try {
        for (const event of parsed.record.events) state = evolveTurn(state, event);
      } catch (error) {
        problem = { code: "journal_broken", message: messageOf(error), revision: entry.revision };
      }
    }
    return { records, named, problem, isEmpty: records === 0 };
  }

  async *#entries(subject: Subject): AsyncGenerator<LogEntry, void> {
    const { log } = this.#options.bus;
    for (let after = 0; ; ) {
      const page = await log.read(subject, { after, limit: pageMax });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageMax) return;
      after = last.revision;
    }
  }
}

const pageMax = 500;

type Problem = Pick<HistoryFinding, "code" | "message" | "revision">;

/** Values by reference; plans are asked for by the run's start. */
function valuesIn(entry: LogEntry): readonly string[] {
  return namedByEntry(entry).filter((key) => !key.includes("/_def/"));
}

function messageOf(error: unknown): string {
  return AgentFlowError.from(error, "reading the history").message;
}

function givenUp({ open, ended, unreadable }: { open: number; ended: number; unreadable: number }) {
  const runs = open + ended + unreadable;
  return new AgentFlowError("timeout", `the histories were not all read in time: ${runs} runs were`, {
    reason: "check_unfinished",
    details: { runs },
    suggestions: ["a longer --within", "nearer to NATS: each history is a question to it"],
  });
}
