/** A runner without a process: calls do what their script says, and everything is written down. */
import type { Call, CallEnd, CallLost, Runner } from "@agentflow/runtime";
import { instant } from "@agentflow/protocol";
import type { SimProcess } from "../world/process.ts";
import { endOf, manifest, scriptOf } from "../workload/tools.ts";
import type { Ledger } from "./ledger.ts";

export interface RunnerOptions {
  readonly pid: number;
  readonly worker: string;
  /** The runner's own process: it goes on while its supervisor is paused. */
  readonly process: SimProcess;
  readonly supervisor: SimProcess;
  readonly ledger: Ledger;
  readonly nowMs: () => number;
  readonly loadMs: number;
}

interface Open {
  readonly call: Call;
  readonly startedMs: number;
  readonly stop: (reason: string) => void;
  readonly settle: (end: CallEnd | CallLost) => void;
}

export class ScriptedRunner implements Runner {
  readonly pid: number;
  readonly loaded: Runner["loaded"];
  readonly exited: Promise<string>;
  private readonly options: RunnerOptions;
  private readonly open = new Map<number, Open>();
  private exit: (reason: string) => void = () => undefined;
  private nextId = 1;
  private retired = false;

  constructor(options: RunnerOptions) {
    this.options = options;
    this.pid = options.pid;
    const { process, supervisor, loadMs } = options;
    const { timers } = process.world;
    this.exited = supervisor.pass(new Promise<string>((resolve) => (this.exit = resolve)));
    const problem = { message: "the runner died while it loaded" };
    this.loaded = supervisor.pass(
      new Promise((resolve) => {
        timers.after(loadMs, () => resolve({ manifest }));
        void this.exited.then(() => resolve({ problem }));
      }),
    );
  }

  call(call: Call, onId: (id: number) => void): Promise<CallEnd | CallLost> {
    const id = this.nextId++;
    onId(id);
    const { process, supervisor } = this.options;
    const ended = new Promise<CallEnd | CallLost>((resolve) => {
      if (process.alive) this.begin(id, call, resolve);
      else resolve({ kind: "lost", reason: "runner_gone" });
    });
    return supervisor.pass(ended);
  }

  stop(id: number, reason: string): void {
    this.open.get(id)?.stop(reason);
  }

  inspect(): void {
    // Nobody debugs a script.
  }

  retire(): void {
    this.retired = true;
    if (this.open.size === 0) this.kill("retired");
  }

  kill(reason: string): void {
    if (!this.options.process.alive) return;
    this.options.process.kill();
    for (const { settle } of this.open.values()) settle({ kind: "lost", reason });
    this.open.clear();
    this.exit(reason);
  }

  private begin(id: number, call: Call, settle: Open["settle"]): void {
    const { ledger, worker, nowMs, process } = this.options;
    const startedMs = nowMs();
    const { run, step, attempt, name } = call;
    ledger.acts.push({ run, step, attempt, tool: name, worker, atMs: startedMs });
    const script = scriptOf(call);
    const stop = (reason: string): void => {
      if (script.act === "hang" && script.deaf) return;
      this.end(id, { kind: "failed", failure: { code: "stopped", message: reason } });
    };
    this.open.set(id, { call, startedMs, stop, settle });
    const { act } = script;
    if (act !== "hang") process.world.timers.after(script.takesMs, () => this.end(id, endOf(call, act)));
  }

  private end(id: number, end: ReturnType<typeof endOf>): void {
    const open = this.open.get(id);
    if (open === undefined) return;
    this.open.delete(id);
    const { startedMs, settle } = open;
    settle({ ...end, startedAt: instant(startedMs), ms: this.options.nowMs() - startedMs });
    if (this.retired && this.open.size === 0) this.kill("retired");
  }
}
