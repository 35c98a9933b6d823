/** Time and dice that the memory adapter lives on; the world of a server process fits as it is. */
export interface MemoryWorld {
  readonly clock: { now(): number };
  readonly timers: {
    /** Calls `fn` once after `ms`; the result ends it. */
    after(ms: number, fn: () => void): () => void;
  };
  /** In [0, 1). */
  readonly random: { number(): number };
}
