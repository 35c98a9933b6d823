/** What the world outside saw: kept by the simulation, never asked by what is simulated. */
import type { InputAnswer, RunAnswer, RunInput } from "@agentflow/protocol";

/** A tool that began to act. What it does to the world is done at this instant. */
export interface Act {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly tool: string;
  readonly worker: string;
  readonly atMs: number;
}

/** What a client was told about a run it started, cancelled or waited for. */
export interface Told {
  readonly run: string;
  readonly client: string;
  readonly atMs: number;
  readonly answer: RunAnswer;
}

/** A start under a run id that may belong to another body. */
export interface Refused {
  readonly run: string;
  readonly code: string;
  /** The body that this id was first used with, or another. */
  readonly body: "same" | "other";
}

/** What a worker was told about what it reported. */
export interface Reported {
  readonly run: string;
  readonly worker: string;
  readonly atMs: number;
  readonly input: RunInput;
  readonly answer: InputAnswer;
}

export interface Cancelled {
  readonly run: string;
  readonly input: string;
  readonly atMs: number;
  readonly answer: InputAnswer;
}

/** What became of an answer to an approval. */
export interface Decided {
  readonly run: string;
  readonly approval: string;
  readonly hash: string;
  readonly approve: boolean;
  readonly by: string;
  /** `accepted`, or why it was refused. */
  readonly answer: string;
}

/** Commits that were in the log and are not any more. */
export interface LostTail {
  readonly atMs: number;
  readonly runs: ReadonlySet<string>;
}

export class Ledger {
  readonly acts: Act[] = [];
  /** Ids of tasks in the order in which workers got them. */
  readonly handedOut: string[] = [];
  readonly told: Told[] = [];
  readonly refused: Refused[] = [];
  readonly reported: Reported[] = [];
  readonly cancelled: Cancelled[] = [];
  readonly decided: Decided[] = [];
  readonly lostTails: LostTail[] = [];
  /** Started by a client, by run id: the workflow's name and the input. */
  readonly asked = new Map<
    string,
    { readonly workflow: string; readonly items: readonly number[]; readonly base: number }
  >();
  /** Runs for which somebody was asked what became of an irreversible call. */
  readonly resolved = new Set<string>();

  /** A run of which the log lost a commit after somebody may have acted on it. */
  isTorn(run: string): boolean {
    return this.lostTails.some(({ runs }) => runs.has(run));
  }
}
