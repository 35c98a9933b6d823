/** When to strike: a point of a turn is waited for, then whatever is to die dies at once. */
import { type FSWatcher, closeSync, openSync, statSync, watch } from "node:fs";
import { readWork } from "./ledger.ts";

export const points = ["asked", "replying", "replied", "tool began", "tool done", "any"] as const;
export type Point = (typeof points)[number];

/** Hands each point to whoever waits for it, once. */
export class Points {
  readonly #waiting = new Map<Point, () => void>();
  readonly #ledger: string;
  readonly #watcher: FSWatcher;
  #lines = 0;
  #bytes = 0;

  constructor(ledger: string) {
    this.#ledger = ledger;
    closeSync(openSync(ledger, "a"));
    this.#watcher = watch(ledger, () => this.#look());
  }

  reached(point: Point): void {
    const go = this.#waiting.get(point);
    if (go === undefined) return;
    this.#waiting.delete(point);
    go();
  }

  /** Runs `strike` in the very turn of the loop in which the point is seen; false when it did not come. */
  async at(point: Point, strike: () => void, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(point);
        resolve(false);
      }, withinMs);
      this.#waiting.set(point, () => {
        clearTimeout(timer);
        strike();
        resolve(true);
      });
    });
  }

  close(): void {
    this.#watcher.close();
  }

  #look(): void {
    const { size } = statSync(this.#ledger);
    if (size === this.#bytes) return;
    this.#bytes = size;
    const lines = readWork(this.#ledger);
    for (const { point } of lines.slice(this.#lines)) this.reached(`tool ${point}`);
    this.#lines = lines.length;
  }
}
