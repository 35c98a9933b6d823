/** A runner without a process: calls do what their script says, and everything is written down. */
import type { Call, CallEnd, CallLost, ModelCall, OnParts, Runner } from "@agentflow/runtime";
import { instant, type Manifest } from "@agentflow/protocol";
import type { SimProcess } from "../world/process.ts";
import type { Ledger } from "./ledger.ts";
import { type End, type Played, play } from "./play.ts";
import type { Moment } from "./trap.ts";

export interface RunnerOptions {
  readonly pid: number;
  readonly worker: string;
  /** The runner's own process: it goes on while its supervisor is paused. */
  readonly process: SimProcess;
  readonly supervisor: SimProcess;
  readonly ledger: Ledger;
  readonly nowMs: () => number;
  readonly loadMs: number;
  readonly manifest: Manifest;
  /** Hears of each moment at which somebody may be made to die. */
  readonly reached: (moment: Moment) => void;
}

interface Open {
  readonly played: Played;
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
    const { process, supervisor, loadMs, manifest } = options;
    const { timers } = process.world;
    this.exited = supervisor.pass(new Promise<string>((resolve) => (this.exit = resolve)));
    const problem = { message: "the runner died while it loaded" };
    this.loaded = supervisor.pass(
      new Promise((resolve) => {
        timers.after(loadMs, () => resolve({ manifest }));
        void this.exited.then(() => resolve({ problem, ended: true }));
      }),
    );
  }

  call(call: Call | ModelCall, onId: (id: number) => void, onParts?: OnParts): Promise<CallEnd | CallLost> {
    const id = this.nextId++;
    onId(id);
    const { process, supervisor } = this.options;
    const ended = new Promise<CallEnd | CallLost>((resolve) => {
      if (process.alive) this.begin(id, call, resolve);
      else resolve({ kind: "lost", reason: "runner_gone" });
    });
    if (call.kind === "model" && onParts !== undefined) {
      const part = { kind: "text", n: call.n, from: 0, text: "It begins" } as const;
      supervisor.run(() => onParts([part]));
    }
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

  private begin(id: number, call: Call | ModelCall, settle: Open["settle"]): void {
    const { ledger, worker, nowMs, process, reached } = this.options;
    const startedMs = nowMs();
    const played = play(call, { ledger, worker, atMs: startedMs });
    const stop = (reason: string): void => {
      if (played.deaf) return;
      this.end(id, { kind: "failed", failure: { code: "stopped", message: reason } });
    };
    this.open.set(id, { played, startedMs, stop, settle });
    if (played.ofAgent) reached("call_begun");
    const { takesMs } = played;
    if (takesMs !== undefined) process.world.timers.after(takesMs, () => this.come(id));
  }

  /** The call's own end. */
  private come(id: number): void {
    const open = this.open.get(id);
    if (open === undefined) return;
    if (open.played.ofAgent) this.options.reached("call_ending");
    if (this.options.process.alive) this.end(id, open.played.end());
  }

  private end(id: number, end: End): void {
    const open = this.open.get(id);
    if (open === undefined) return;
    this.open.delete(id);
    const { startedMs, settle } = open;
    settle({ ...end, startedAt: instant(startedMs), ms: this.options.nowMs() - startedMs });
    if (this.retired && this.open.size === 0) this.kill("retired");
  }
}
