/** Holds lines for a moment, so that those that come late but belong before them go before them. */
import type { LogRecord } from "@agentflow/protocol";
import type { Line } from "./line.ts";
import { Merge } from "./merge.ts";
import type { Seen } from "./seen.ts";

/** Records travel in batches of 100 ms; with their way this is when the last of a moment has arrived. */
export const holdMs = 250;
const takeEveryMs = 50;

export interface Holding {
  /** Those that were seen already are left out. */
  add(lines: readonly Line[]): void;
  /** Hands out what still waits. */
  flush(): void;
}

/**
 * Each line is handed out at the latest `holdMs` after it came, after all that go before it and came
 * by then.
 */
export function holding(seen: Seen, onRecords: (records: readonly LogRecord[]) => void): Holding {
  const merge = new Merge();
  let timer: NodeJS.Timeout | undefined;
  const take = (nowMs: number): void => {
    const records: LogRecord[] = [];
    merge.take(nowMs, ({ record, hidden }) => {
      if (hidden === undefined) records.push(record);
    });
    if (records.length > 0) onRecords(records);
  };
  const arm = (): void => {
    const dueMs = merge.nextDueMs;
    if (timer !== undefined || dueMs === undefined) return;
    const waitMs = Math.max(takeEveryMs, dueMs - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      take(performance.now());
      arm();
    }, waitMs);
  };
  return {
    add(lines) {
      const dueMs = performance.now() + holdMs;
      for (const line of lines) if (seen.take(line.record)) merge.add(line, dueMs);
      arm();
    },
    flush() {
      clearTimeout(timer);
      timer = undefined;
      take(Number.POSITIVE_INFINITY);
    },
  };
}
