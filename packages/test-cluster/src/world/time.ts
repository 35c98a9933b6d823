/** The cluster's seconds: a test may let them pass faster than those of the wall. */

export interface Time {
  /** Of the wall, in the form of the API, in whole seconds. */
  stamp(): string;
  /** With microseconds, as Events of the scheduler carry it. */
  microStamp(): string;
  /** Seconds of the cluster since it began. */
  seconds(): number;
  /** Calls it so many seconds of the cluster later. Answers with what takes it back. */
  after(seconds: number, call: () => void): () => void;
}

export interface RunningTime extends Time {
  /** Takes back whatever still waits. */
  stop(): void;
}

/** `pace` 20: twenty seconds of the cluster pass in one of the wall. */
export function startTime(pace: number): RunningTime {
  const began = performance.now();
  const waiting = new Set<NodeJS.Timeout>();
  return {
    stamp: () => `${new Date().toISOString().slice(0, 19)}Z`,
    microStamp: () => `${new Date().toISOString().slice(0, 23)}000Z`,
    seconds: () => ((performance.now() - began) / 1000) * pace,
    after(seconds, call) {
      const timer = setTimeout(
        () => {
          waiting.delete(timer);
          call();
        },
        Math.max(0, (seconds * 1000) / pace),
      );
      waiting.add(timer);
      return () => {
        clearTimeout(timer);
        waiting.delete(timer);
      };
    },
    stop() {
      for (const timer of waiting) clearTimeout(timer);
      waiting.clear();
    },
  };
}
