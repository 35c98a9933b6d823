/** What was pushed, given out in batches to one who iterates; he who pushes is told when he falls behind. */
import type { AgentFlowError } from "@agentflow/protocol";

export interface Behind {
  readonly pause: () => void;
  readonly resume: () => void;
}

export class Batches<T> {
  #items: T[] = [];
  #end: { readonly error: AgentFlowError | undefined } | undefined;
  #wake: (() => void) | undefined;
  #isPaused = false;
  readonly #ahead: number;
  readonly #behind: Behind;

  constructor(ahead: number, behind: Behind) {
    this.#ahead = ahead;
    this.#behind = behind;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    this.#items.push(item);
    if (!this.#isPaused && this.#items.length >= this.#ahead) {
      this.#isPaused = true;
      this.#behind.pause();
    }
    if (this.#items.length === 1) this.#awake();
  }

  /** Nothing more is given out: in peace, or with an error. */
  end(error?: AgentFlowError): void {
    this.#end ??= { error };
    this.#awake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[]> {
    for (;;) {
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      }
      if (this.#items.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const batch = this.#items;
      this.#items = [];
      if (this.#isPaused) {
        this.#isPaused = false;
        this.#behind.resume();
      }
      yield batch;
    }
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
