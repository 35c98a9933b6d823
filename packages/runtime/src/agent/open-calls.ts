/** Calls of one loop that are under way in runners: kept to their time, stopped and ended together. */
import { type Timers } from "@agentflow/host/clock";
import type { SandboxApplied } from "@agentflow/protocol";
import type { ModelCall } from "../channel/model-messages.ts";
import type { Call, CallEnd } from "../channel/runner-messages.ts";
import type { RunningCall } from "../worker/runner-pool.ts";
import type { CallLost, OnParts } from "../worker/runner-port.ts";
import { workerLimits } from "../worker/limits.ts";

export interface OpenCallsOptions {
  readonly timers: Timers;
  /** Aborted, no call begins any more. */
  readonly signal: AbortSignal;
  startCall(call: Call | ModelCall, signal: AbortSignal, onParts?: OnParts): Promise<RunningCall | undefined>;
  /** Hears which code runs a call. */
  onCode(code: string): void;
}

export interface EndedCall {
  readonly end: CallEnd | CallLost;
  /** It was stopped from here because its time was up. */
  readonly late: boolean;
  readonly sandbox?: SandboxApplied;
}

export class OpenCalls {
  readonly #options: OpenCallsOptions;
  readonly #running = new Set<RunningCall>();
  #stopReason: string | undefined;

  constructor(options: OpenCallsOptions) {
    this.#options = options;
  }

  /** Undefined when the signal aborted before the call began. */
  async run(
    call: Call | ModelCall,
    of: { readonly timeoutMs?: number | undefined; readonly onParts?: OnParts },
  ): Promise<EndedCall | undefined> {
    const running = await this.#options.startCall(call, this.#options.signal, of.onParts);
    if (running === undefined) return undefined;
    this.#options.onCode(running.code);
    this.#running.add(running);
    if (this.#stopReason !== undefined) running.stop(this.#stopReason);
    const limit = this.#limit(running, of.timeoutMs);
    try {
      const end = await running.end;
      const { sandbox } = running;
      return { end, late: limit.struck(), ...(sandbox === undefined ? {} : { sandbox }) };
    } finally {
      limit.disarm();
      this.#running.delete(running);
    }
  }

  /** Asks every call to stop, also one that is only about to begin. */
  stop(reason: string): void {
    this.#stopReason ??= reason;
    for (const running of this.#running) running.stop(reason);
  }

  /** Ends the runners of all that is still open. */
  kill(reason: string): void {
    for (const running of this.#running) running.kill(reason);
  }

  #limit(running: RunningCall, timeoutMs: number | undefined): { struck(): boolean; disarm(): void } {
    if (timeoutMs === undefined) return { struck: () => false, disarm: () => {} };
    const { timers } = this.#options;
    const background = { background: true };
    let struck = false;
    const strike = (): void => {
      struck = true;
      running.stop("timeout");
      disarm = timers.after(
        workerLimits.stopGraceMs,
        () => running.kill("a call that was late would not stop"),
        background,
      );
    };
    let disarm = timers.after(timeoutMs, strike, background);
    return { struck: () => struck, disarm: () => disarm() };
  }
}
