/** What the world outside saw: kept by the simulation, never asked by what is simulated. */
import type { QueuedTask } from "@agentflow/bus";
import type { InputAnswer, Json, Message, ModelReply, RunAnswer, RunInput, Task } from "@agentflow/protocol";

/** A tool that began to act. What it does to the world is done at this instant. */
export interface Act {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly tool: string;
  readonly worker: string;
  readonly atMs: number;
}

/** A call of an agent's tool that began to act: done at this instant, whatever the agent hears of it. */
export interface Deed extends Act {
  readonly key: string;
  readonly input: Json;
}

/** A call that reached the model. `step` is the journal's, a sub-agent's own. */
export interface ModelAsked {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly n: number;
  readonly messages: readonly Message[];
  readonly worker: string;
  readonly atMs: number;
  /** What it said; undefined while it has not, or failed. */
  answered: ModelReply | undefined;
}

/** What a person said about a call of an agent whose outcome nobody knew. */
export interface Settled {
  readonly run: string;
  /** `<step instance>/<call>`. */
  readonly call: string;
  readonly as: "done" | "failed" | "retry";
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

/** A push that a dead line carried only after its task had been sent again, done and forgotten. */
export interface LatePush {
  readonly task: Task;
  readonly atMs: number;
}

/** Commits that were in the log and are not any more. */
export interface LostTail {
  readonly atMs: number;
  readonly runs: ReadonlySet<string>;
}

export class Ledger {
  readonly acts: Act[] = [];
  readonly deeds: Deed[] = [];
  readonly asks: ModelAsked[] = [];
  readonly settled: Settled[] = [];
  /** Ids of tasks in the order in which workers got them. */
  readonly handedOut: string[] = [];
  /** What engines sent to the queue. */
  readonly pushed: QueuedTask[] = [];
  readonly latePushes: LatePush[] = [];
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
