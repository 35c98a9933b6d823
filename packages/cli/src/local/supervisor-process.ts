/** The process that a supervisor lives in, as a child of this one or elsewhere. */
import { AgentFlowError } from "@agentflow/protocol";
import type { SupervisorConfig } from "@agentflow/runtime/supervise";
import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";

export interface SupervisorProcess {
  /** What its channel is spoken over. */
  readonly line: Duplex;
  /** How it ended. */
  readonly exited: Promise<string>;
  readonly hasExited: boolean;
  /** Ends it now. */
  kill(): void;
  /** Ends the runners that it left behind, by their process groups. */
  killRunners(groups: Iterable<number>): void;
  /** Called before the settings are sent. */
  prepare?(config: SupervisorConfig): Promise<void>;
}

/** Its process, once there is one. Throws when none can be had. */
export type SpawnSupervisor = () => Promise<SupervisorProcess>;

/** Little lives in a supervisor: small halves, there from the start, and one helping thread are enough. */
const supervisorFlags = ["--min-semi-space-size=4", "--max-semi-space-size=4", "--v8-pool-size=1"] as const;

/** A child of this process. Throws `unavailable` when the system gives none, with what it says. */
export async function spawnSupervisor(
  entry: string,
  compileCache: string | undefined,
): Promise<SupervisorProcess> {
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...supervisorFlags, entry], {
      // For its runners too: with their code compiled already they start with half the work.
      env: { ...process.env, ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }) },
      stdio: ["ignore", "inherit", "inherit", "pipe"],
      // In a group of its own: Ctrl-C at the terminal is ours to handle, the worker drains when it is told
      // to.
      detached: true,
    });
  } catch (cause) {
    throw noProcess(cause);
  }
  if (child.pid !== undefined) return new ChildSupervisor(child);
  // What went wrong comes a moment later, as an event that must not go unheard.
  throw noProcess(await new Promise((resolve) => child.once("error", resolve)));
}

class ChildSupervisor implements SupervisorProcess {
  readonly line: Duplex;
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    const stream = child.stdio[3];
    if (!(stream instanceof Duplex)) throw new TypeError("fd 3 of the supervisor is no stream");
    this.line = stream;
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
      child.once("error", (error) => resolve(error.message));
    });
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  killRunners(groups: Iterable<number>): void {
    for (const group of groups) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // Gone already: its reaper was quicker.
      }
    }
  }
}

function noProcess(cause: unknown): AgentFlowError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const hint = /EMFILE|ENFILE/.test(text) ? "raise the limit of open files: ulimit -n 4096" : "af doctor";
  return new AgentFlowError("unavailable", `the worker's process cannot be started: ${text}`, {
    reason: "no_process",
    cause,
    suggestions: [hint],
  });
}
