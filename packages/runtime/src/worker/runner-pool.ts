/** The runners of one worker: one that gets new calls, and those before it that finish what they began. */
import type { LoadProblem, Manifest, SandboxApplied } from "@agentflow/protocol";
import type { Clock } from "@agentflow/host/clock";
import type { ModelCall } from "../channel/model-messages.ts";
import type { Call, CallEnd } from "../channel/runner-messages.ts";
import type { ReloadReport, RunnerNote } from "../channel/supervisor-messages.ts";
import type { CallLost, OnParts, Runner, RunnerEvents, StartRunner } from "./runner-port.ts";

export interface PoolEvents extends RunnerEvents {
  /** New code serves from now on. */
  ready(manifest: Manifest, ms: number): void;
  /** The code does not load; what served before, if anything, goes on serving. */
  broken(problem: LoadProblem): void;
  runner(note: RunnerNote): void;
}

/** An open call, as much of it as a reload report and `stop` need. */
interface OpenCall {
  readonly call: Call | ModelCall;
  readonly runner: Runner;
}

/** A call that runs: `end` always settles; `stop` asks it to stop, `kill` ends its runner. */
export interface RunningCall {
  readonly end: Promise<CallEnd | CallLost>;
  /** The code that runs it. */
  readonly code: string;
  /** Of a call in a sandbox: what it runs in. */
  readonly sandbox?: SandboxApplied;
  stop(reason: string): void;
  kill(reason: string): void;
}

const restartBackoffMs = [0, 100, 500, 2_000, 5_000] as const;

export class RunnerPool {
  readonly #start: StartRunner;
  readonly #events: PoolEvents;
  readonly #clock: Clock;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #open = new Set<OpenCall>();
  readonly #alive = new Set<Runner>();
  #current: { readonly runner: Runner; readonly manifest: Manifest } | undefined;
  #problem: LoadProblem | undefined;
  #losses = 0;
  #replacing = false;
  #diedLoading = false;
  #closed = false;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: {
    start: StartRunner;
    events: PoolEvents;
    clock: Clock;
    sleep: (ms: number) => Promise<void>;
  }) {
    this.#start = options.start;
    this.#events = options.events;
    this.#clock = options.clock;
    this.#sleep = options.sleep;
  }

  get manifest(): Manifest | undefined {
    return this.#current?.manifest;
  }

  /** Process ids of the runners that live. */
  get pids(): readonly number[] {
    return [...this.#alive].map(({ pid }) => pid);
  }

  get problem(): LoadProblem | undefined {
    return this.#problem;
  }

  /** Loads the code anew beside what serves now; one reload at a time, in order. */
  reload(): Promise<ReloadReport> {
    const next = this.#reloading.then(() => this.#load());
    this.#reloading = next.catch(() => undefined);
    return next;
  }

  /** Starts a call on the newest code. Undefined: no code is loaded. */
  call(call: Call | ModelCall, onParts?: OnParts): RunningCall | undefined {
    const current = this.#current;
    if (current === undefined) return undefined;
    const { runner } = current;
    const entry: OpenCall = { call, runner };
    this.#open.add(entry);
    let callId = 0;
    const onId = (id: number): void => {
      callId = id;
    };
    const end = runner.call(call, onId, onParts);
    return {
      end: end.finally(() => this.#open.delete(entry)),
      code: current.manifest.code,
      stop: (reason) => runner.stop(callId, reason),
      kill: (reason) => runner.kill(reason),
    };
  }

  inspect(port: number): void {
    this.#current?.runner.inspect(port);
  }

  /** Ends every runner and all they started. */
  async close(): Promise<void> {
    this.#closed = true;
    const alive = [...this.#alive];
    for (const runner of alive) runner.kill("worker_stopped");
    await Promise.all(alive.map((runner) => runner.exited));
  }

  async #load(): Promise<ReloadReport> {
    const started = this.#clock.monotonic();
    const runner = this.#startOne();
    const loaded = await runner.loaded;
    const ms = Math.round(this.#clock.monotonic() - started);
    if ("problem" in loaded) {
      runner.kill("broken");
      this.#problem = loaded.problem;
      this.#events.broken(loaded.problem);
      this.#diedLoading = loaded.ended === true;
      if (this.#diedLoading && this.#current === undefined) void this.#replace();
      return { ms, outcome: "broken", problem: loaded.problem, onOldCode: [] };
    }
    const before = this.#current;
    this.#current = { runner, manifest: loaded.manifest };
    this.#problem = undefined;
    const onOldCode = before === undefined ? [] : this.#callsOn(before.runner);
    before?.runner.retire();
    if (before !== undefined) this.#note({ pid: before.runner.pid, state: "retired" });
    this.#note({ pid: runner.pid, state: "ready" });
    this.#events.ready(loaded.manifest, ms);
    const same = before?.manifest.code === loaded.manifest.code;
    return { ms, outcome: same ? "unchanged" : "loaded", manifest: loaded.manifest, onOldCode };
  }

  #startOne(): Runner {
    const runner = this.#start(this.#events);
    this.#alive.add(runner);
    this.#note({ pid: runner.pid, state: "started" });
    void runner.exited.then((reason) => this.#onExit(runner, reason));
    return runner;
  }

  #onExit(runner: Runner, reason: string): void {
    this.#alive.delete(runner);
    this.#note({ pid: runner.pid, state: "exited", reason });
    if (this.#current?.runner !== runner) return;
    this.#current = undefined;
    if (!this.#closed) void this.#replace();
  }

  /** A runner that dies is replaced at once; one that keeps dying ever more slowly, never not at all. */
  async #replace(): Promise<void> {
    if (this.#replacing) return;
    this.#replacing = true;
    while (!this.#closed && this.#current === undefined) {
      const backoff = restartBackoffMs[Math.min(this.#losses, restartBackoffMs.length - 1)] ?? 0;
      this.#losses++;
      if (backoff > 0) await this.#sleep(backoff);
      if (this.#closed || this.#current !== undefined) break;
      // Not even a process may be had when the machine is at its limits.
      const report = await this.reload().catch(() => undefined);
      // Code that says why it does not load waits for its correction.
      if (report?.outcome === "broken" && !this.#diedLoading) break;
    }
    this.#replacing = false;
    if (this.#current !== undefined) void this.#sleep(30_000).then(() => void (this.#losses = 0));
  }

  #callsOn(runner: Runner): ReloadReport["onOldCode"] {
    return [...this.#open]
      .filter((entry) => entry.runner === runner)
      .map(({ call }) => ({ run: call.run, step: call.step, uses: `${call.kind}:${call.name}` }));
  }

  #note(note: RunnerNote): void {
    this.#events.runner(note);
  }
}
