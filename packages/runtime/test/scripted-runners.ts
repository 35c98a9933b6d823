/** Runners without a process or code: a test says when they are loaded, answer and die. */
import { type LoadProblem, type Manifest, instant } from "@agentflow/protocol";
import type { ModelCall } from "../src/channel/model-messages.ts";
import type { Call, CallEnd } from "../src/channel/runner-messages.ts";
import type { CallLost, OnParts, Runner, StartRunner } from "../src/worker/runner-port.ts";

export interface ScriptedCall {
  readonly call: Call | ModelCall;
  readonly onParts: OnParts;
  /** Reasons with which it was asked to stop. */
  readonly stops: string[];
  end(end: CallEnd | CallLost): void;
}

export interface ScriptedRunner extends Runner {
  readonly calls: ScriptedCall[];
  readonly retired: boolean;
  readonly killed: string | undefined;
  load(code: string): void;
  loadAs(manifest: Manifest): void;
  breakWith(problem: LoadProblem): void;
  /** As if its process had ended. */
  die(reason: string): void;
}

export interface ScriptedRunners {
  readonly start: StartRunner;
  readonly all: ScriptedRunner[];
}

export function scriptedRunners(): ScriptedRunners {
  const all: ScriptedRunner[] = [];
  return {
    all,
    start() {
      const runner = new Scripted(all.length + 1);
      all.push(runner);
      return runner;
    },
  };
}

class Scripted implements ScriptedRunner {
  readonly pid: number;
  readonly calls: ScriptedCall[] = [];
  retired = false;
  killed: string | undefined;
  readonly #loaded = Promise.withResolvers<Awaited<Runner["loaded"]>>();
  readonly #exited = Promise.withResolvers<string>();

  constructor(pid: number) {
    this.pid = pid;
  }

  get loaded(): Runner["loaded"] {
    return this.#loaded.promise;
  }

  get exited(): Promise<string> {
    return this.#exited.promise;
  }

  load(code: string): void {
    const none = { tools: [], agents: [], workflows: [] };
    this.#loaded.resolve({ manifest: { v: 1, kind: "manifest", code, ...none } });
  }

  loadAs(manifest: Manifest): void {
    this.#loaded.resolve({ manifest });
  }

  breakWith(problem: LoadProblem): void {
    this.#loaded.resolve({ problem });
  }

  call(
    call: Call | ModelCall,
    onId: (id: number) => void,
    onParts: OnParts = () => {},
  ): Promise<CallEnd | CallLost> {
    const { promise, resolve } = Promise.withResolvers<CallEnd | CallLost>();
    onId(this.calls.length);
    this.calls.push({ call, onParts, stops: [], end: resolve });
    return promise;
  }

  stop(id: number, reason: string): void {
    this.calls[id]?.stops.push(reason);
  }

  inspect(): void {
    // There is no code to look at.
  }

  retire(): void {
    this.retired = true;
  }

  kill(reason: string): void {
    this.killed ??= reason;
    this.die(reason);
  }

  die(reason: string): void {
    for (const { end } of this.calls) end({ kind: "lost", reason });
    this.#loaded.resolve({ problem: { message: reason }, ended: true });
    this.#exited.resolve(reason);
  }
}

/** How a call that took a millisecond ended. */
export function ended(of: { output: unknown } | { failure: { code: string; message: string } }): CallEnd {
  const took = { startedAt: instant(0), ms: 1 };
  if ("failure" in of) return { kind: "failed", failure: of.failure, ...took };
  return { kind: "output", output: JSON.parse(JSON.stringify(of.output)), ...took };
}
