import type { Instant, RunId, StepInstance, WorkerPresence } from "@agentflow/protocol";

/** What a run's own state does not know. */
export interface ExplainContext {
  readonly run: RunId;
  readonly now: Instant;
  /** Presence rows of the run's tenant, dead ones included. */
  readonly workers: readonly WorkerPresence[];
  /** Tasks that are not released to the queue yet: the place of each, from 1. */
  readonly backlog?: ReadonlyMap<StepInstance, number>;
}
