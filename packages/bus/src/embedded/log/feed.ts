import type { Subject } from "@agentflow/protocol";
import type { LogEntry, Revision } from "../../port/index.ts";
import { matches } from "../check.ts";
import type { Reader } from "./reader.ts";

/** A tail that lets more than this gather goes back to reading from the file. */
export const feedLimits = { entriesWaiting: 4_096, charactersWaiting: 1024 * 1024 } as const;

/** Hands what was committed to the tails of one file, from memory. */
export class Feed {
  readonly #tails = new Set<Tail>();

  get isWatched(): boolean {
    return this.#tails.size > 0;
  }

  /** Entries of one group, in revision order. */
  committed(entries: readonly LogEntry[]): void {
    for (const tail of this.#tails) tail.offer(entries);
  }

  /** It is not known what a failed group left: each tail looks for itself. */
  failed(): void {
    for (const tail of this.#tails) tail.fallBehind();
  }

  open(of: { reader: Reader; filter: readonly Subject[]; after: Revision }): Tail {
    const tail = new Tail(of, () => this.#tails.delete(tail));
    this.#tails.add(tail);
    return tail;
  }

  close(): void {
    for (const tail of this.#tails) tail.end();
  }
}

/**
 * One reader's place in the log. Behind: it reads stretches from the file. Caught up: it is fed from memory.
 * A read sees every commit before it, and what it saw is skipped when the feed brings it again, so the change
 * from one to the other leaves no gap and repeats nothing.
 */
export class Tail {
  readonly #reader: Reader;
  readonly #filter: readonly Subject[];
  readonly #leave: () => void;
  #seen: Revision;
  #delivered: Revision;
  #behind = true;
  #ended = false;
  #live: LogEntry[] = [];
  #characters = 0;
  #wake: (() => void) | undefined;

  constructor(of: { reader: Reader; filter: readonly Subject[]; after: Revision }, leave: () => void) {
    this.#reader = of.reader;
    this.#filter = of.filter;
    this.#seen = of.after;
    this.#delivered = of.after;
    this.#leave = leave;
  }

  /** The next batch, never empty; undefined once the tail has ended. One call at a time. */
  async next(): Promise<readonly LogEntry[] | undefined> {
    while (!this.#ended) {
      const batch = this.#behind ? this.#fromFile() : this.#fromMemory();
      if (batch.length > 0) return batch;
      if (this.#behind) await nextTurn();
      else await this.#fed();
    }
    return undefined;
  }

  offer(entries: readonly LogEntry[]): void {
    if (this.#behind) return;
    for (const entry of entries) {
      if (entry.revision <= this.#seen || !matches(this.#filter, entry.subject)) continue;
      this.#live.push(entry);
      this.#seen = entry.revision;
      this.#characters += entry.body.length;
    }
    if (this.#isOverfull()) this.fallBehind();
    else if (this.#live.length > 0) this.#awake();
  }

  fallBehind(): void {
    this.#live = [];
    this.#characters = 0;
    this.#seen = this.#delivered;
    this.#behind = true;
    this.#awake();
  }

  end(): void {
    this.#ended = true;
    this.#leave();
    this.#awake();
  }

  #fromFile(): readonly LogEntry[] {
    const { entries, upTo, atEnd } = this.#reader.scan(this.#filter, this.#seen);
    this.#seen = upTo;
    this.#delivered = upTo;
    if (atEnd) this.#behind = false;
    return entries;
  }

  #fromMemory(): readonly LogEntry[] {
    const batch = this.#live;
    this.#live = [];
    this.#characters = 0;
    this.#delivered = this.#seen;
    return batch;
  }

  #isOverfull(): boolean {
    return this.#live.length > feedLimits.entriesWaiting || this.#characters > feedLimits.charactersWaiting;
  }

  #fed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
