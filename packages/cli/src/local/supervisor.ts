/** The supervisor process as `af dev` sees it: started early, told what to do, replaced when it dies. */
import type { LoadProblem, LogRecord } from "@agentflow/protocol";
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
  /** It died and is being replaced; `left` are runner groups it can no longer end itself. */
  restarted(reason: string): void;
}

const restartPauseMs = 200;
/** Little lives in a supervisor: halves of 2 MiB and one helping thread are enough for it. */
const supervisorFlags = ["--max-semi-space-size=2", "--v8-pool-size=1"] as const;

export class SupervisorHandle {
  readonly #events: SupervisorEvents;
  readonly #compileCache: string | undefined;
  readonly #runtime: typeof Runtime;
  readonly #reloads = new Map<number, (report: ReloadReport | undefined) => void>();
  /** Process groups of runners that have not ended, to be killed with a supervisor that cannot any more. */
  readonly #groups = new Set<number>();
  #child: ChildProcess;
  #channel: Channel;
  #config: SupervisorConfig | undefined;
  #nextId = 1;
  #stopping = false;
  #drained: ((inFlight: number) => void) | undefined;

  /** Starts the process at once; it waits to be configured. */
  static async start(events: SupervisorEvents, compileCache?: string): Promise<SupervisorHandle> {
    const runtime = await import("@agentflow/runtime/supervise");
    return new SupervisorHandle(events, { runtime, compileCache });
  }

  private constructor(
    events: SupervisorEvents,
    of: { readonly runtime: typeof Runtime; readonly compileCache: string | undefined },
  ) {
    const { runtime } = of;
    this.#events = events;
    this.#compileCache = of.compileCache;
    this.#runtime = runtime;
    [this.#child, this.#channel] = this.#spawn();
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The process is there already; now it learns what to serve. */
  configure(config: SupervisorConfig): void {
    this.#config = config;
    this.#say(["configure", config]);
  }

  /**
   * What the reload did; undefined when the supervisor died meanwhile (its successor loads the newest code).
   */
  reload(): Promise<ReloadReport | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#reloads.set(id, resolve);
      this.#say(["reload", id]);
    });
  }

  /** Takes no more tasks, finishes those it has within the time, ends. Resolves with how many were left. */
  drain(withinMs: number): Promise<number> {
    this.#stopping = true;
    // It may have died a moment ago, with its successor not started yet.
    if (this.#hasExited) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#child.once("exit", () => resolve(0));
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

  #spawn(): [ChildProcess, Channel] {
    const cache = this.#compileCache;
    const child = spawn(process.execPath, [...supervisorFlags, this.#runtime.supervisorEntry], {
      // For its runners too: with their code compiled already they start with half the work.
      env: { ...process.env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
      stdio: ["ignore", "inherit", "inherit", "pipe"],
      // In a group of its own: Ctrl-C at the terminal is ours to handle, the worker drains when it is told
      // to.
      detached: true,
    });
    const stream = child.stdio[3];
    if (!(stream instanceof Duplex)) throw new TypeError("fd 3 of the supervisor is no stream");
    const { openChannel, parseFromSupervisor } = this.#runtime;
    const channel = openChannel(stream, (message) => this.#receive(parseFromSupervisor(message)));
    child.once("exit", (code, signal) => this.#onExit(child, signal ?? `code ${code}`));
    child.once("error", (error) => this.#onExit(child, error.message));
    return [child, channel];
  }

  #onExit(child: ChildProcess, reason: string): void {
    if (child !== this.#child) return;
    this.#killGroups();
    for (const settle of this.#reloads.values()) settle(undefined);
    this.#reloads.clear();
    if (this.#stopping) return;
    this.#events.restarted(reason);
    setTimeout(() => {
      if (this.#stopping) return;
      [this.#child, this.#channel] = this.#spawn();
      if (this.#config !== undefined) this.#say(["configure", this.#config]);
    }, restartPauseMs);
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
