/** An attempt while it is open, and what it needs of its worker. */
import type { Delivery } from "@agentflow/bus";
import type { Clock } from "@agentflow/host/clock";
import type { Task, WorkerId } from "@agentflow/protocol";
import type { AgentHouse } from "../agent/house.ts";
import type { ModelAgent } from "../agent/rules.ts";
import type { Reporter } from "./report.ts";
import type { RunningCall } from "./runner-pool.ts";
import type { ValueHouse } from "./values.ts";

/** What an attempt needs of its worker. */
export interface AttemptHouse extends ValueHouse {
  readonly worker: WorkerId;
  /**
   * This life of the worker. A successor under the same name, which gets the same task after a restart, must
   * not be taken for the one that began an irreversible call.
   */
  readonly incarnation: WorkerId;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** For a task that brings no timeout of its own. */
  readonly attemptTimeoutMs: number;
  /** For an agent's, which may take many turns. */
  agentTimeoutMs(agent: ModelAgent): number;
  /** What loops of agents need; calls are started through it too. */
  readonly agents: AgentHouse;
}

/** `fenced`: another attempt of the step has its journal, and nobody waits for this one. */
export type AttemptEnd = "reported" | "refused" | "lost" | "passed_on" | "fenced";

/** What the worker's sweep looks at: when the attempt must end, and how it is made to. */
export interface OpenAttempt {
  readonly task: Task;
  /** By which the task is held: another one after a lost connection to the queue. */
  delivery: Delivery;
  /** Aborts when the task is not ours any more. */
  readonly lost: AbortController;
  readonly sinceMs: number;
  running?: RunningCall;
  limitMs?: number;
  deadlineMs?: number;
  /** Set once the timeout struck: the outcome is `timeout` whatever the call still says. */
  timedOut?: boolean;
}

export function openAttempt(task: Task, delivery: Delivery, sinceMs: number): OpenAttempt {
  const attempt: OpenAttempt = { task, delivery, lost: new AbortController(), sinceMs };
  holdBy(attempt, delivery);
  return attempt;
}

/** From now on the attempt's task is held by this delivery; what becomes of older ones is of no concern. */
export function holdBy(attempt: OpenAttempt, delivery: Delivery): void {
  attempt.delivery = delivery;
  const tell = (): void => {
    if (attempt.delivery === delivery) attempt.lost.abort();
  };
  if (delivery.lost.aborted) tell();
  else delivery.lost.addEventListener("abort", tell, { once: true });
}
