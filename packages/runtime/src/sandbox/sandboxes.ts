/** The sandboxes of one worker: which calls go to one, and from where it comes. */
import type { Clock } from "@agentflow/host/clock";
import { type Callable, type LogRecord, type SpanRecord, AgentFlowError } from "@agentflow/protocol";
import type { Call } from "../channel/runner-messages.ts";
import type { RunningCall } from "../worker/runner-pool.ts";
import type { OnParts } from "../worker/runner-port.ts";
import { openSandboxCall } from "./call.ts";
import type { SandboxSource } from "./source.ts";
import { unavailable } from "./unavailable.ts";

export interface SandboxedCall {
  readonly call: Call;
  readonly tool: Callable;
  readonly code: string;
  readonly onParts: OnParts | undefined;
  readonly signal: AbortSignal;
  tell(records: readonly (LogRecord | SpanRecord)[]): void;
}

export interface Sandboxes {
  /** Throws `sandbox_unavailable` or `sandbox_refused`: then the call was made nowhere. */
  start(of: SandboxedCall): Promise<RunningCall | undefined>;
  close(): Promise<void>;
}

/** Beyond the call's own time: to start, to load, and to be stopped from outside. */
const lifeGraceMs = 30_000;
const lifeDefaultMs = 3_600_000;

export function createSandboxes(options: {
  readonly clock: Clock;
  readonly projectDir: string;
  readonly source: SandboxSource;
}): Sandboxes {
  const { clock, projectDir, source } = options;
  return {
    async start({ call, tool, code, onParts, signal, tell }) {
      const plan = tool.sandbox;
      if (plan === undefined) throw new TypeError(`${tool.name} is not untrusted`);
      if (plan.refused !== undefined) {
        throw new AgentFlowError("forbidden", plan.refused, {
          reason: "sandbox_refused",
          suggestions: ["add the host to sandbox.network of agentflow.yaml, or take it out of the tool"],
        });
      }
      const { network, memoryMb, cpus, pids, tmpMb } = plan;
      const { run, step, limitMs = lifeDefaultMs } = call;
      const lifeMs = limitMs + lifeGraceMs;
      return openSandboxCall(
        {
          source,
          request: { network, memoryMb, cpus, pids, tmpMb, tool: tool.name, run, step, lifeMs },
          call,
          projectDir,
          code,
          isIrreversible: tool.effect === "irreversible",
          clock,
          onParts,
          tell,
        },
        signal,
      );
    },
    close: () => source.close(),
  };
}

/** For a worker to which nobody gave sandboxes: each call is refused. */
export const noSandboxes: Sandboxes = {
  start: () => Promise.reject(unavailable("this worker has none", ["set sandbox.host to a Docker engine"])),
  close: () => Promise.resolve(),
};
