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
import type { SpawnSupervisor, SupervisorProcess } from "./supervisor-process.ts";

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

export class SupervisorHandle {
  readonly #events: SupervisorEvents;
  readonly #runtime: typeof Runtime;
  readonly #reloads = new Map<number, (report: ReloadReport | undefined) => void>();
  /** Process groups of runners that have not ended, to be killed with a supervisor that cannot any more. */
  readonly #groups = new Set<number>();
  #spawnOne: SpawnSupervisor;
  #process: SupervisorProcess;
  #channel: Channel;
  #config: SupervisorConfig | undefined;
  #nextId = 1;
  #stopping = false;
  #failures = 0;
  /** One that was replaced and still ends its work. */
  #leaving: Promise<unknown> = Promise.resolve();
  #drained: ((inFlight: number) => void) | undefined;
  readonly #inspecting = new Set<(url: string) => void>();

  /** Starts the process at once; it waits to be configured. */
  static async start(events: SupervisorEvents, spawnOne: SpawnSupervisor): Promise<SupervisorHandle> {
    const [runtime, first] = await Promise.all([import("@agentflow/runtime/supervise"), spawnOne()]);
    return new SupervisorHandle(events, { runtime, spawnOne, first });
  }

  private constructor(
    events: SupervisorEvents,
    of: {
      readonly runtime: typeof Runtime;
      readonly spawnOne: SpawnSupervisor;
      readonly first: SupervisorProcess;
    },
  ) {
    this.#events = events;
    this.#runtime = of.runtime;
    this.#spawnOne = of.spawnOne;
    this.#process = of.first;
    this.#channel = this.#attach(of.first);
  }

  /** The process is there already; now it learns what to serve. */
  async configure(config: SupervisorConfig): Promise<void> {
    this.#config = config;
    await this.#configureProcess(config);
  }

  /**
   * From now on a process of another kind: it is there before the one that serves takes no more tasks, and
   * serves once that one has ended its work or `withinMs` are over.
   */
  async replaceBy(spawnOne: SpawnSupervisor, withinMs: number): Promise<void> {
    const next = await spawnOne();
    if (this.#stopping) return next.kill();
    const [before, channel] = [this.#process, this.#channel];
    this.#spawnOne = spawnOne;
    this.#process = next;
    this.#channel = this.#attach(next);
    const overdue = setTimeout(() => before.kill(), withinMs + leaveMs);
    channel.send(["drain", withinMs]);
    this.#leaving = before.exited.then(() => clearTimeout(overdue));
    await this.#leaving;
    before.killRunners(this.#groups);
    this.#groups.clear();
    if (this.#config !== undefined && !this.#stopping) await this.#configureProcess(this.#config);
  }

  async #configureProcess(config: SupervisorConfig): Promise<void> {
    const [to, channel] = [this.#process, this.#channel];
    await to.prepare?.(config);
    channel.send(["configure", config]);
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
    if (this.#process.hasExited) return Promise.resolve(undefined);
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
  async drain(withinMs: number): Promise<number> {
    this.#stopping = true;
    await this.#leaving;
    // It may have died a moment ago, with its successor not started yet.
    if (this.#process.hasExited) return 0;
    return new Promise((resolve) => {
      this.#drained = resolve;
      // One that is stopped or stuck says nothing any more: waited for, it would keep everything else open.
      const overdue = setTimeout(() => this.kill(), withinMs + leaveMs);
      void this.#process.exited.then(() => {
        clearTimeout(overdue);
        resolve(0);
      });
      this.#say(["drain", withinMs]);
    });
  }

  /** Ends it and every runner now. */
  kill(): void {
    this.#stopping = true;
    this.#process.kill();
    this.#killGroups();
  }

  get exited(): Promise<unknown> {
    return this.#process.exited;
  }

  #attach(to: SupervisorProcess): Channel {
    const { openChannel, parseFromSupervisor } = this.#runtime;
    const channel = openChannel(to.line, (message) => this.#receive(parseFromSupervisor(message)));
    void to.exited.then((reason) => this.#onExit(to, reason));
    return channel;
  }

  #onExit(ended: SupervisorProcess, reason: string): void {
    if (ended !== this.#process) return;
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
      const next = await this.#spawnOne();
      if (this.#stopping) return next.kill();
      this.#process = next;
      this.#channel = this.#attach(next);
      if (this.#config !== undefined) await this.#configureProcess(this.#config);
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
    this.#process.killRunners(this.#groups);
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

function noInspector(port: number): AgentFlowError {
  return new AgentFlowError("timeout", `no runner opened its inspector on port ${port}`, {
    reason: "no_inspector",
    suggestions: ["another port: --port", "wait until the code is loaded: af worker list"],
  });
}
