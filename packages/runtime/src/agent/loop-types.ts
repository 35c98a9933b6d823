/** What a loop is given and how it ends. */
import type { Ask, Failure, Json, StepInstance, Value } from "@agentflow/protocol";
import type { Account } from "./account.ts";
import type { Drive } from "./house.ts";
import type { ModelAgent } from "./rules.ts";
import type { TraceContext } from "@agentflow/host/spans";

export type LoopEnd =
  | { readonly kind: "finished"; readonly output: Value }
  | { readonly kind: "failed"; readonly failure: Failure; readonly retryable: boolean }
  | { readonly kind: "suspended"; readonly asks: readonly Ask[] };

export interface LoopOptions {
  readonly drive: Drive;
  readonly agent: ModelAgent;
  readonly input: Json;
  /** The journal's. */
  readonly step: StepInstance;
  /** 1 for the step's own agent. */
  readonly depth: number;
  readonly account: Account;
  readonly parent: TraceContext;
}

export interface OpenLoop {
  run(): Promise<LoopEnd>;
  stop(failure: Failure): Promise<void>;
  kill(reason: string): void;
}
