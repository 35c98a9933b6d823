/** Items handed from one who pushes to one who iterates; bounded by whoever pushes. */
export class Channel<T> {
  #items: T[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#awake();
  }

  /** What nobody has taken yet, taken now. */
  drain(): T[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  shift(): T | undefined {
    return this.#items.shift();
  }

  replace(items: T[]): void {
    this.#items = items;
  }

  /** Ends it at once: what still waits is not handed out. */
  end(): void {
    this.#ended = true;
    this.#awake();
  }

  /** Resolves true once there is an item, false once it has ended. One waiter at a time. */
  async ready(): Promise<boolean> {
    while (!this.#ended && this.#items.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return !this.#ended;
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
