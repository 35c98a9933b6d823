/** Puts what comes from several sources into the order of time: each record waits a moment for older ones. */
import type { LogRecord } from "@agentflow/protocol";

export interface InOrder {
  add(record: LogRecord): void;
  /** Hands out what still waits. */
  flush(): void;
}

/** Records travel in batches of 100 ms; with their way this is when the last of a moment has arrived. */
export const holdMs = 250;

/** A record is handed out at the latest `holdMs` after it came, after every older one that came by then. */
export function inOrder(handOut: (record: LogRecord) => void): InOrder {
  let waiting: { readonly record: LogRecord; readonly dueMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const take = (nowMs: number): void => {
    // Whatever is older than one that is due goes with it.
    const lastMs = Math.max(
      ...waiting.filter(({ dueMs }) => dueMs <= nowMs).map(({ record }) => timeOf(record)),
    );
    const due = waiting.filter(({ record }) => timeOf(record) <= lastMs);
    waiting = waiting.filter(({ record }) => timeOf(record) > lastMs);
    for (const { record } of due.toSorted((a, b) => timeOf(a.record) - timeOf(b.record))) handOut(record);
  };
  const arm = (): void => {
    const [first] = waiting;
    if (timer !== undefined || first === undefined) return;
    const waitMs = Math.max(1, Math.min(...waiting.map(({ dueMs }) => dueMs)) - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      take(performance.now());
      arm();
    }, waitMs);
  };
  return {
    add(record) {
      waiting.push({ record, dueMs: performance.now() + holdMs });
      arm();
    },
    flush() {
      clearTimeout(timer);
      timer = undefined;
      take(Number.MAX_VALUE);
    },
  };
}

function timeOf({ at }: LogRecord): number {
  return Date.parse(at);
}
