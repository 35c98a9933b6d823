/** What the loops of agents need of the worker that drives them. */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { LogRecord, Manifest, SpanRecord, Task, WorkerId } from "@agentflow/protocol";
import type { ModelCall } from "../channel/model-messages.ts";
import type { Call } from "../channel/runner-messages.ts";
import type { Keys } from "../worker/keys.ts";
import type { Masks } from "../worker/masks.ts";
import type { RunningCall } from "../worker/runner-pool.ts";
import type { OnParts } from "../worker/runner-port.ts";
import type { PriceOf } from "./rules.ts";
import type { FillIn } from "./start-messages.ts";
import type { Values } from "./values.ts";

export interface AgentHouse {
  readonly bus: Pick<Bus, "log" | "blobs" | "wire">;
  readonly world: World;
  readonly log: Log;
  readonly worker: WorkerId;
  readonly keys: Keys;
  readonly masks: Masks;
  readonly fillIn: FillIn;
  readonly priceOf: PriceOf;
  /** Spans hold what was said, too. */
  readonly content?: boolean;
  /** Of the code that was loaded last, whether or not a runner of it lives just now. */
  manifest(): Manifest | undefined;
  /** Waits until code is loaded and starts the call; undefined when the signal aborts first. */
  startCall(call: Call | ModelCall, signal: AbortSignal, onParts?: OnParts): Promise<RunningCall | undefined>;
  tell(records: readonly (LogRecord | SpanRecord)[]): void;
}

/** One attempt of an agent's step, shared by its loop and those of its sub-agents. */
export interface Drive {
  readonly house: AgentHouse;
  readonly task: Task;
  readonly values: Values;
  /** Aborts when the attempt is not ours any more: everything stops, nothing is written. */
  readonly lost: AbortSignal;
  /** One of its loops cannot go on: so none does, and the attempt ends by what the first one says. */
  abandon(why: unknown): void;
  /** The step's journal, and what its sub-agents used up, are known. */
  onRead(): void;
  /** Hears which code runs a call. */
  onCode(code: string): void;
  /** Unix milliseconds at which the attempt ends, whatever it has done. */
  readonly deadlineMs: number;
}
