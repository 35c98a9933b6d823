/** What agents tell while they work, for those who follow their runs here. Nothing of it is stored. */
import type { Stop, Wire } from "@agentflow/bus";
import type { Timers } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { type LiveMessage, type RunId, subjects, type TenantId } from "@agentflow/protocol";
import type { Hub } from "../hub.ts";
import { parseLive } from "../parse-journal.ts";
import type { TurnRecord } from "../turn-record.ts";
import { StepReplies } from "./step-replies.ts";

export interface LiveParts {
  readonly wire: Wire;
  readonly hub: Hub;
  readonly timers: Timers;
  readonly say: Log;
  readonly limits: LiveLimits;
}

export interface LiveLimits {
  /** Characters of replies under way that are kept for who comes late, of one run and of all. */
  readonly charactersPerRun: number;
  readonly charactersInAll: number;
  /** How long they are kept after the last follower has left, who may only have lost its connection. */
  readonly keepMs: number;
}

export const liveLimits: LiveLimits = {
  charactersPerRun: 256 * 1024,
  charactersInAll: 16 * 1024 * 1024,
  keepMs: 10_000,
};

/** Steps that are known of one run: those beyond are more than anybody watches. */
const stepsMax = 4_096;

export type OnLive = (message: LiveMessage) => void;

/** A follower's hold on what is told of one run. */
export interface Listening {
  /** What was told of replies under way before now. */
  soFar(): readonly LiveMessage[];
  /** Of a run that has ended nothing more is told: nothing is kept for who comes back. */
  leave(of: { readonly isEnded: boolean }): void;
}

/** One subscription a run that somebody follows, shared by all who do. */
export class LiveRuns {
  readonly #parts: LiveParts;
  readonly #runs = new Map<string, LiveRun>();
  #characters = 0;
  #stopped = false;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Characters that are kept now. */
  get characters(): number {
    return this.#characters;
  }

  /** Resolves once what is told from now on arrives. Fails never: the journal has it all in the end. */
  async join(tenant: TenantId, run: RunId, onLive: OnLive): Promise<Listening> {
    const key = `${tenant} ${run}`;
    const known = this.#runs.get(key) ?? this.#open(key, tenant, run);
    return known.join(onLive);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#runs.values()].map((run) => run.close()));
  }

  #open(key: string, tenant: TenantId, run: RunId): LiveRun {
    const made = new LiveRun({
      ...this.#parts,
      tenant,
      run,
      isFull: () => this.#characters > this.#parts.limits.charactersInAll,
      onChange: (by) => void (this.#characters += by),
      onClosed: () => void this.#runs.delete(key),
    });
    if (!this.#stopped) this.#runs.set(key, made);
    return made;
  }
}

interface RunParts extends LiveParts {
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly isFull: () => boolean;
  readonly onChange: (by: number) => void;
  readonly onClosed: () => void;
}

class LiveRun {
  readonly #parts: RunParts;
  readonly #listeners = new Set<OnLive>();
  readonly #steps = new Map<string, StepReplies>();
  readonly #stopRecords: () => void;
  readonly #subscribed: Promise<Stop | undefined>;
  #waiting: TurnRecord[] = [];
  #length = 0;
  #stopTimer: () => void = () => undefined;
  #closed = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
    const { hub, wire, tenant, run } = parts;
    this.#stopRecords = hub.listen({
      tenant,
      runs: [run],
      isOwn: true,
      onRecord: (record) => void (record.kind === "turn" && this.#later(record)),
    });
    this.#subscribed = wire
      .subscribe(subjects.live({ tenant, run }), (body) => this.#heard(body))
      .catch((error: unknown) => {
        parts.say.child({ tenant, run }).warn("what is told live of a run cannot be heard", { error });
        return undefined;
      });
  }

  async join(onLive: OnLive): Promise<Listening> {
    this.#stopTimer();
    this.#listeners.add(onLive);
    await this.#subscribed;
    return {
      soFar: () => [...this.#steps.values()].flatMap((step) => step.soFar() ?? []),
      leave: ({ isEnded }) => this.#leave(onLive, isEnded),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTimer();
    this.#stopRecords();
    this.#parts.onChange(-this.#length);
    this.#parts.onClosed();
    await (await this.#subscribed)?.stop().catch(() => undefined);
  }

  #leave(onLive: OnLive, isEnded: boolean): void {
    this.#listeners.delete(onLive);
    if (this.#listeners.size > 0 || this.#closed) return;
    const { timers, limits } = this.#parts;
    this.#stopTimer();
    if (isEnded) return void this.close();
    this.#stopTimer = timers.after(limits.keepMs, () => void this.close(), { background: true });
  }

  /** After all who follow have the record itself: what it lets go must not overtake it. */
  #later(record: TurnRecord): void {
    this.#waiting.push(record);
    if (this.#waiting.length > 1) return;
    queueMicrotask(() => {
      for (const waiting of this.#waiting.splice(0)) this.#record(waiting);
    });
  }

  #record(record: TurnRecord): void {
    const step = this.#step(record.step);
    const before = step.length;
    for (const event of record.read()?.events ?? []) this.#tell(step.journal(event));
    this.#grow(step.length - before);
  }

  #heard(body: string): void {
    const message = parseLive(body);
    if (message === undefined || this.#closed) return;
    const step = this.#step(message.step);
    const before = step.length;
    const told = step.add(message);
    this.#grow(step.length - before);
    const { limits, isFull } = this.#parts;
    if (this.#length > limits.charactersPerRun || isFull()) this.#forget(step);
    this.#tell(told);
  }

  #step(step: LiveMessage["step"]): StepReplies {
    const known = this.#steps.get(step);
    if (known !== undefined) return known;
    const made = new StepReplies(step);
    this.#steps.set(step, made);
    for (const [oldest, of] of this.#steps) {
      if (this.#steps.size <= stepsMax) break;
      this.#forget(of);
      this.#steps.delete(oldest);
    }
    return made;
  }

  #forget(step: StepReplies): void {
    const before = step.length;
    step.forget();
    this.#grow(step.length - before);
  }

  #tell(message: LiveMessage | undefined): void {
    if (message === undefined) return;
    for (const listener of this.#listeners) listener(message);
  }

  #grow(by: number): void {
    this.#length += by;
    if (!this.#closed) this.#parts.onChange(by);
  }
}
