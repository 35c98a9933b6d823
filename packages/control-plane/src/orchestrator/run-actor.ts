import type { PreparedPlan } from "@agentflow/core/plan";
import type { RunState } from "@agentflow/core/run";
import type { AgentFlowError, DefinitionHash, InputAnswer, RunInput } from "@agentflow/protocol";
import type { Flight } from "./flights.ts";
import type { RunRef } from "./run-ref.ts";

/** An input that waits in a run's mailbox, and who is told what became of it. */
export interface Pending {
  readonly input: RunInput;
  readonly answer: (answer: InputAnswer | AgentFlowError) => void;
}

export type ParkReason = "incompatible" | "assertion" | "plan_missing";

/** This build cannot go on with the run; its inputs are refused until another one takes it up. */
export interface Parked {
  readonly reason: ParkReason;
  readonly message: string;
}

/** One run in memory: its state as of its last durable commit, and what waits for it. */
export interface RunActor {
  readonly ref: RunRef;
  /** Undefined: not known, to be read from the log first. */
  state: RunState | undefined;
  plan: PreparedPlan | undefined;
  revision: number;
  /** The log is known to have this commit of it: whoever reads less has read an old state. */
  atLeast: number;
  /** Text of the commits behind the state: what it weighs, about. */
  bytes: number;
  waiting: Pending[];
  /** One decision, load or append at a time. */
  busy: boolean;
  parked: Parked | undefined;
  /** Milliseconds of the clock when it last moved. */
  lastMs: number;
  /** Lost races and answers since the last success. */
  rounds: number;
  /** Appends whose fate is not known until the run was read again, and commits of others not read yet. */
  readonly flights: Flight[];
  /** Its shard is another owner's: nothing is decided here any more. */
  dropped: boolean;
}

export function makeActor(ref: RunRef, now: number): RunActor {
  return {
    ref,
    state: undefined,
    plan: undefined,
    revision: 0,
    atLeast: 0,
    bytes: 0,
    waiting: [],
    busy: false,
    parked: undefined,
    lastMs: now,
    rounds: 0,
    flights: [],
    dropped: false,
  };
}

/** The plan a run goes by, or that it would be started with. */
export function planOf(actor: RunActor, state: RunState): DefinitionHash | undefined {
  if (state.kind !== "absent") return state.started.plan;
  for (const { input } of actor.waiting) if (input.kind === "start") return input.plan;
  return undefined;
}
