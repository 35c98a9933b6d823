import { AgentFlowError } from "@agentflow/protocol";
import type { Backend, StoreName } from "./backend.ts";
import type { FlatGroup, GroupOutcome, write } from "./group.ts";

/** One thing to be written. `done` is called once, after the COMMIT or its failure. */
export interface Write {
  readonly code: (typeof write)[keyof typeof write];
  readonly key: string;
  readonly text: string | null;
  readonly number: number;
  readonly done: (error: AgentFlowError | undefined, result: number) => void;
}

export const writerLimits = {
  writesPerGroup: 512,
  charactersPerGroup: 4 * 1024 * 1024,
  /** What may wait for its group; more is refused before it is written. */
  charactersWaiting: 256 * 1024 * 1024,
} as const;

export interface WriterEvents {
  /** After a COMMIT and before the writers hear of it: `writes[i]` got `results[i]`. */
  committed(writes: readonly Write[], results: readonly number[], atMs: number): void;
  /** A group failed; what it wanted to write is gone or, in the worst case, there. */
  failed(): void;
}

/** Group commit: what is submitted while one transaction is in flight goes into the next one. */
export class GroupWriter {
  readonly #backend: Backend;
  readonly #store: StoreName;
  readonly #events: WriterEvents;
  #waiting: Write[] = [];
  #characters = 0;
  #busy = false;
  #scheduled = false;
  #closing: (() => void) | undefined;
  #closed = false;

  constructor(backend: Backend, store: StoreName, events: WriterEvents) {
    this.#backend = backend;
    this.#store = store;
    this.#events = events;
  }

  submit(one: Write): void {
    if (this.#closed) return one.done(closedError(), 0);
    const size = sizeOf(one);
    if (this.#characters + size > writerLimits.charactersWaiting) return one.done(overloadedError(), 0);
    this.#characters += size;
    this.#waiting.push(one);
    this.#schedule();
  }

  /** Resolves once everything submitted before is settled. Nothing is taken after the call. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#waiting.length === 0 && !this.#busy) return;
    await new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    // Not at once: everything that arrives in this turn of the loop shares the group.
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#busy) this.#flush();
    });
  }

  #flush(): void {
    const group = this.#nextGroup();
    if (group.length === 0) return this.#closing?.();
    this.#busy = true;
    this.#backend.commit(this.#store, flatten(group), (outcome) => this.#settle(group, outcome));
  }

  #settle(group: readonly Write[], outcome: GroupOutcome): void {
    this.#busy = false;
    // A thread goes on with the next group while this one's answers are given out.
    if (this.#backend.where === "thread" && this.#waiting.length > 0) this.#flush();
    if (outcome.ok) {
      this.#events.committed(group, outcome.results, outcome.atMs);
      let at = 0;
      for (const one of group) one.done(undefined, outcome.results[at++] ?? 0);
    } else {
      const error = failedError(outcome);
      this.#events.failed();
      for (const one of group) one.done(error, 0);
    }
    if (this.#waiting.length > 0) this.#schedule();
    else if (!this.#busy) this.#closing?.();
  }

  #nextGroup(): Write[] {
    let size = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count === writerLimits.writesPerGroup) break;
      if (count > 0 && size + sizeOf(one) > writerLimits.charactersPerGroup) break;
      size += sizeOf(one);
      count++;
    }
    const group = count === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, count);
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count);
    this.#characters -= size;
    return group;
  }
}

function sizeOf(one: Write): number {
  return one.key.length + (one.text?.length ?? 0);
}

function flatten(group: readonly Write[]): FlatGroup {
  const flat: FlatGroup = [];
  for (const one of group) flat.push(one.code, one.key, one.text, one.number);
  return flat;
}

function failedError(outcome: { full: boolean; message: string; sqlite: number }): AgentFlowError {
  const details = { message: outcome.message, sqlite: outcome.sqlite };
  if (!outcome.full) {
    return new AgentFlowError("unavailable", `the log could not be written: ${outcome.message}`, {
      reason: "storage_failed",
      details,
      suggestions: ["check the disk that holds the state folder, then try again"],
    });
  }
  return new AgentFlowError("unavailable", "the disk is full: nothing was written", {
    reason: "storage_full",
    details,
    suggestions: ["free space on the disk that holds the state folder; work goes on by itself then"],
  });
}

function overloadedError(): AgentFlowError {
  return new AgentFlowError("unavailable", "more waits to be written than the disk takes", {
    reason: "overloaded",
    details: { ambiguous: false },
  });
}

function closedError(): AgentFlowError {
  return new AgentFlowError("unavailable", "the log is closed", {
    reason: "closed",
    details: { ambiguous: false },
  });
}
