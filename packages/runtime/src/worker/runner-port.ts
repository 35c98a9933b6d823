/**
 * What the supervisor needs of a runner: so that tests and the simulation can bring one without a process.
 */
import type { LivePart, LoadProblem, LogRecord, Manifest, SpanRecord } from "@agentflow/protocol";
import type { ModelCall } from "../channel/model-messages.ts";
import type { Call, CallEnd } from "../channel/runner-messages.ts";

/** A call that will never answer: its runner is gone, or had to be killed. */
export interface CallLost {
  readonly kind: "lost";
  readonly reason: string;
}

export interface NotLoaded {
  readonly problem: LoadProblem;
  /** The process ended before it could say: this need not be the code's fault, so it is tried again. */
  readonly ended?: boolean;
}

export interface Runner {
  readonly pid: number;
  /** Ready with its manifest, or broken with the reason; settles once. */
  readonly loaded: Promise<{ readonly manifest: Manifest } | NotLoaded>;
  /** Always settles. `onParts` hears what there is to see of the call while it goes on. */
  call(call: Call | ModelCall, onId: (id: number) => void, onParts?: OnParts): Promise<CallEnd | CallLost>;
  /** Asks one call to stop through its signal. */
  stop(id: number, reason: string): void;
  /** Opens the inspector for a debugger to attach to. */
  inspect(port: number): void;
  /** No new calls; exits by itself when the open ones have ended. */
  retire(): void;
  /** Ends it and everything it started, now. Open calls are `lost`. */
  kill(reason: string): void;
  /** Settles with the reason once the process is gone. */
  readonly exited: Promise<string>;
}

export type OnParts = (parts: readonly LivePart[]) => void;

export interface RunnerEvents {
  tele(records: readonly (LogRecord | SpanRecord)[]): void;
  inspecting(url: string): void;
}

/** Starts a runner; the supervisor decides when. */
export type StartRunner = (events: RunnerEvents) => Runner;
