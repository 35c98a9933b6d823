/** The supervisor process as `af dev` sees it: started early, told what to do, replaced when it dies. */
import { AgentFlowError, type LoadProblem, type LogLevel, type LogRecord } from "@agentflow/protocol";
import type {
  Channel,
  FromSupervisor,
  Loaded,
  ReloadReport,
  SupervisorConfig,
  ToSupervisor,
} from "@agentflow/runtime/supervise";
import type * as Runtime from "@agentflow/runtime/supervise";
import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";

export interface SupervisorEvents {
  ready(loaded: Loaded): void;
  broken(problem: LoadProblem): void;
  inspecting(url: string): void;
  log(records: readonly LogRecord[]): void;
  /** It died and is being replaced. */
  restarted(reason: string): void;
  /** Not even its process could be had; it is tried again after `retryMs`. */
  notStarted(error: AgentFlowError, retryMs: number): void;
}

/** Between the death of one and the start of the next, by how many died or could not be had in a row. */
const restartPausesMs = [200, 500, 1_000, 2_000, 5_000] as const;
/** What a supervisor needs at most to leave, beyond the time its work has. */
const leaveMs = 4_000;
/** A runner that works without a pause opens its inspector only when it comes up for air. */
const inspectWithinMs = 3_000;
/** Little lives in a supervisor: small halves, there from the start, and one helping thread are enough. */
const supervisorFlags = ["--min-semi-space-size=4", "--max-semi-space-size=4", "--v8-pool-size=1"] as const;

export class SupervisorHandle {
  readonly #events: SupervisorEvents;
  readonly #spawnOne: () => Promise<ChildProcess>;
  readonly #runtime: typeof Runtime;
  readonly #reloads = new Map<number, (report: ReloadReport | undefined) => void>();
  /** Process groups of runners that have not ended, to be killed with a supervisor that cannot any more. */
  readonly #groups = new Set<number>();
  #child: ChildProcess;
  #channel: Channel;
  #config: SupervisorConfig | undefined;
  #nextId = 1;
  #stopping = false;
  #failures = 0;
  #drained: ((inFlight: number) => void) | undefined;
  readonly #inspecting = new Set<(url: string) => void>();

  /** Starts the process at once; it waits to be configured. */
  static async start(events: SupervisorEvents, compileCache?: string): Promise<SupervisorHandle> {
    const runtime = await import("@agentflow/runtime/supervise");
    const spawnOne = (): Promise<ChildProcess> => spawnSupervisor(runtime.supervisorEntry, compileCache);
    return new SupervisorHandle(events, { runtime, spawnOne, child: await spawnOne() });
  }

  private constructor(
    events: SupervisorEvents,
    of: {
      readonly runtime: typeof Runtime;
      readonly spawnOne: () => Promise<ChildProcess>;
      readonly child: ChildProcess;
    },
  ) {
    this.#events = events;
    this.#runtime = of.runtime;
    this.#spawnOne = of.spawnOne;
    this.#child = of.child;
    this.#channel = this.#attach(of.child);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The process is there already; now it learns what to serve. */
  configure(config: SupervisorConfig): void {
    this.#config = config;
    this.#say(["configure", config]);
  }

  /** From now on, also for the supervisor that would replace this one. */
  setLevel(logLevel: LogLevel): void {
    if (this.#config !== undefined) this.#config = { ...this.#config, logLevel };
    this.#say(["level", logLevel]);
  }

  /**
   * What the reload did; undefined when the supervisor died meanwhile (its successor loads the newest code).
   */
  reload(): Promise<ReloadReport | undefined> {
    if (this.#hasExited) return Promise.resolve(undefined);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#reloads.set(id, resolve);
      this.#say(["reload", id]);
    });
  }

  /** Opens the inspector of the runner that serves now; its address. Throws `timeout` when none says so. */
  inspect(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (url: string): void => {
        clearTimeout(timer);
        this.#inspecting.delete(settle);
        resolve(url);
      };
      const timer = setTimeout(() => {
        this.#inspecting.delete(settle);
        reject(noInspector(port));
      }, inspectWithinMs);
      this.#inspecting.add(settle);
      this.#say(["inspect", port]);
    });
  }

  /** Takes no more tasks, finishes those it has within the time, ends. Resolves with how many were left. */
  drain(withinMs: number): Promise<number> {
    this.#stopping = true;
    // It may have died a moment ago, with its successor not started yet.
    if (this.#hasExited) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#drained = resolve;
      // One that is stopped or stuck says nothing any more: waited for, it would keep everything else open.
      const overdue = setTimeout(() => this.kill(), withinMs + leaveMs);
      this.#child.once("exit", () => {
        clearTimeout(overdue);
        resolve(0);
      });
      this.#say(["drain", withinMs]);
    });
  }

  /** Ends it and every runner now. */
  kill(): void {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
    this.#killGroups();
  }

  get exited(): Promise<void> {
    if (this.#hasExited) return Promise.resolve();
    return new Promise((resolve) => this.#child.once("exit", () => resolve()));
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #attach(child: ChildProcess): Channel {
    const stream = child.stdio[3];
    if (!(stream instanceof Duplex)) throw new TypeError("fd 3 of the supervisor is no stream");
    const { openChannel, parseFromSupervisor } = this.#runtime;
    const channel = openChannel(stream, (message) => this.#receive(parseFromSupervisor(message)));
    child.once("exit", (code, signal) => this.#onExit(child, signal ?? `code ${code}`));
    child.once("error", (error) => this.#onExit(child, error.message));
    return channel;
  }

  #onExit(child: ChildProcess, reason: string): void {
    if (child !== this.#child) return;
    this.#killGroups();
    for (const settle of this.#reloads.values()) settle(undefined);
    this.#reloads.clear();
    if (this.#stopping) return;
    this.#events.restarted(reason);
    setTimeout(() => void this.#replace(), this.#nextPauseMs());
  }

  /** Tries until there is one, ever more slowly: a machine at its limits is not helped by haste. */
  async #replace(): Promise<void> {
    if (this.#stopping) return;
    try {
      const child = await this.#spawnOne();
      if (this.#stopping) return void child.kill("SIGKILL");
      this.#child = child;
      this.#channel = this.#attach(child);
      if (this.#config !== undefined) this.#say(["configure", this.#config]);
    } catch (error) {
      if (this.#stopping) return;
      const retryMs = this.#nextPauseMs();
      this.#events.notStarted(AgentFlowError.from(error, "starting the worker"), retryMs);
      setTimeout(() => void this.#replace(), retryMs);
    }
  }

  #nextPauseMs(): number {
    return restartPausesMs[Math.min(this.#failures++, restartPausesMs.length - 1)] ?? 0;
  }

  #killGroups(): void {
    for (const group of this.#groups) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // Gone already: its reaper was quicker.
      }
    }
    this.#groups.clear();
  }

  #receive(message: FromSupervisor): void {
    switch (message[0]) {
      case "ready":
        this.#failures = 0;
        this.#events.ready(message[1]);
        return;
      case "broken":
        this.#events.broken(message[1]);
        return;
      case "reloaded":
        this.#reloads.get(message[1])?.(message[2]);
        this.#reloads.delete(message[1]);
        return;
      case "inspecting":
        this.#events.inspecting(message[1]);
        for (const settle of this.#inspecting) settle(message[1]);
        return;
      case "runner":
        if (message[1].state === "started") this.#groups.add(message[1].pid);
        if (message[1].state === "exited") this.#groups.delete(message[1].pid);
        return;
      case "log":
        this.#events.log(message[1]);
        return;
      case "drained":
        this.#drained?.(message[1]);
        return;
    }
  }

  #say(message: ToSupervisor): void {
    this.#channel.send(message);
  }
}

/** Its process, once there is one. Throws `unavailable` when the system gives none, with what it says. */
async function spawnSupervisor(entry: string, compileCache: string | undefined): Promise<ChildProcess> {
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
  if (child.pid !== undefined) return child;
  // What went wrong comes a moment later, as an event that must not go unheard.
  throw noProcess(await new Promise((resolve) => child.once("error", resolve)));
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

function noInspector(port: number): AgentFlowError {
  return new AgentFlowError("timeout", `no runner opened its inspector on port ${port}`, {
    reason: "no_inspector",
    suggestions: ["another port: --port", "wait until the code is loaded: af worker list"],
  });
}
