import type { Kit } from "./kit.ts";

/** Reads an endless iterable in the background, so that a test can wait for what it needs of it. */
export class Collector<T> {
  readonly items: T[] = [];
  /** Settled when the iterable ends; holds what it threw. */
  readonly ended: Promise<unknown>;
  private readonly kit: Kit;
  private readonly waiting = new Set<() => void>();

  constructor(kit: Kit, source: AsyncIterable<T>, each?: (item: T) => Promise<void>) {
    this.kit = kit;
    this.ended = this.run(source, each).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  /** The first `count` items, once there are so many. */
  async first(count: number, ms?: number): Promise<readonly T[]> {
    await this.until(() => this.items.length >= count, `${count} items`, ms);
    return this.items.slice(0, count);
  }

  /** The item at `index`, once it is there. */
  async at(index: number, ms?: number): Promise<T> {
    const item = (await this.first(index + 1, ms))[index];
    if (item === undefined) throw new Error(`no item ${index}`);
    return item;
  }

  async until(true_: () => boolean, what: string, ms?: number): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      const check = (): void => {
        if (!true_()) return;
        this.waiting.delete(check);
        resolve();
      };
      this.waiting.add(check);
      check();
    });
    const got = (): string => `${what} (${this.items.length} arrived)`;
    await this.kit.within(what, arrived, ms).catch((error: unknown) => {
      throw new Error(`waited for ${got()}`, { cause: error });
    });
  }

  private async run(source: AsyncIterable<T>, each?: (item: T) => Promise<void>): Promise<void> {
    for await (const item of source) {
      this.items.push(item);
      for (const check of this.waiting) check();
      await each?.(item);
    }
  }
}

/** The same for batches: the collector holds their items. */
export async function* flat<T>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch;
}
