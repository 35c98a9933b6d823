/** What a run had come to at one of its events: the fold that `af run get` uses, over the first so many. */
import type { viewRun } from "@agentflow/core/run";
import type { viewTurn } from "@agentflow/core/turn";
import {
  AgentFlowError,
  type Json,
  type StepView,
  type TurnEvent,
  type UsageTotals,
  failureText,
  parseId,
} from "@agentflow/protocol";
import { type AgentView, agentView } from "./agent-view.ts";
import type { Entry, Recording } from "./recording.ts";
import { addUsage, noUsage } from "./usage.ts";

export interface StateAt {
  readonly status: string;
  readonly steps: { readonly [step: string]: StepAt };
  readonly agents: { readonly [step: string]: Omit<AgentView, "messages" | "prompt"> };
  readonly usage: UsageTotals;
}

export interface StepAt {
  readonly uses: string;
  readonly status: string;
  readonly attempt?: number;
  readonly output?: Json;
  readonly failure?: string;
}

/** The folds of the engine itself; loaded when they are needed. */
export interface Folds {
  readonly viewRun: typeof viewRun;
  readonly viewTurn: typeof viewTurn;
}

/** Asks the same of one recording again and again: n moves by one, most often. */
export class Replay {
  readonly recording: Recording;
  readonly entries: readonly Entry[];
  readonly #folds: Folds;
  readonly #states = new Map<number, StateAt>();

  constructor(recording: Recording, entries: readonly Entry[], folds: Folds) {
    this.recording = recording;
    this.entries = entries;
    this.#folds = folds;
  }

  /** After the first n events; 0 is before all of them. */
  stateAt(n: number): StateAt {
    const known = this.#states.get(n);
    if (known !== undefined) return known;
    const state = this.#fold(n);
    if (this.#states.size >= statesMax) this.#states.clear();
    this.#states.set(n, state);
    return state;
  }

  /** The agent that the event speaks of, else the one that was heard of last; undefined before any. */
  agentAt(n: number): { readonly step: string; readonly view: AgentView } | undefined {
    const seen = this.entries.slice(0, n);
    const entry = seen.at(-1);
    const own = seen.findLast((one) => one.of === "journal" && isOf(one.step, entry?.step));
    const last = own ?? seen.findLast((one) => one.of === "journal");
    if (last?.step === undefined) return undefined;
    const view = this.#agent(last.step, n);
    return view === undefined ? undefined : { step: last.step, view };
  }

  #fold(n: number): StateAt {
    const seen = this.entries.slice(0, n);
    const journals = new Set(seen.flatMap((entry) => (entry.of === "journal" ? [entry.step] : [])));
    const agents: { [step: string]: Omit<AgentView, "messages" | "prompt"> } = {};
    let usage = noUsage;
    for (const step of journals) {
      const view = this.#agent(step, n);
      if (view === undefined) continue;
      const { messages: _messages, prompt: _prompt, ...rest } = view;
      agents[step] = rest;
      const { modelCalls: calls, unpriced, usd, ...more } = view.usage;
      usage = addUsage(usage, { ...more, calls, usd: unpriced === true ? undefined : usd });
    }
    return { ...this.#run(seen), agents, usage };
  }

  #agent(step: string, n: number): AgentView | undefined {
    const seen = this.entries.slice(0, n);
    const own = (entry: Entry): TurnEvent[] =>
      entry.of === "journal" && entry.step === step ? [entry.event] : [];
    return agentView(seen.flatMap(own), { step, fold: this.#folds.viewTurn });
  }

  #run(seen: readonly Entry[]): Pick<StateAt, "status" | "steps"> {
    const events = seen.flatMap((entry) => (entry.of === "run" ? [entry] : []));
    if (events.length === 0) return { status: "not started", steps: {} };
    const commits = events.map(({ revision, event }) => ({
      revision,
      commit: { v: 1, kind: "commit", inputs: [], events: [event], commands: [] } as const,
    }));
    const { run, plan } = this.recording;
    const options = { run: parseId("run", run.run), ...(plan === undefined ? {} : { plan }) };
    try {
      const view = this.#folds.viewRun(commits, options);
      return { status: view.status, steps: Object.fromEntries(view.steps.map(stepAt)) };
    } catch (error) {
      // The events of a history that cannot be folded are all the more worth looking at.
      if (!AgentFlowError.is(error)) throw error;
      return { status: `unreadable: ${error.message}`, steps: {} };
    }
  }
}

const statesMax = 256;

function stepAt({ step, uses, status, attempts, output, failure }: StepView): [string, StepAt] {
  const attempt = attempts.at(-1)?.attempt;
  return [
    step,
    {
      uses,
      status,
      ...(attempt === undefined ? {} : { attempt }),
      ...(output === undefined ? {} : { output }),
      ...(failure === undefined ? {} : { failure: failureText(failure) }),
    },
  ];
}

/** Whether a journal is of the step, or of an agent that the step's agent called. */
function isOf(journal: string, step: string | undefined): boolean {
  return step !== undefined && (journal === step || journal.startsWith(`${step}~`));
}
