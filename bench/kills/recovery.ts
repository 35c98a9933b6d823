/** From histories: how long after each kill the work went on. Times are the commits' own. */
import type { History } from "./history.ts";

export interface Kill {
  readonly what: string;
  readonly atMs: number;
}

export interface Recovery extends Kill {
  /** Until any run made progress. */
  readonly firstMs: number | undefined;
  /** Until every run that was in flight had made progress. */
  readonly allMs: number | undefined;
}

export function recoveries(kills: readonly Kill[], histories: readonly History[]): readonly Recovery[] {
  const spans = histories.map(progressOf).filter((times) => times.length > 0);
  return kills.map((kill) => {
    const inFlight = spans.filter((times) => (times[0] ?? 0) <= kill.atMs && (times.at(-1) ?? 0) > kill.atMs);
    const next = inFlight.flatMap((times) => times.find((at) => at > kill.atMs) ?? []);
    const after = (at: number): number | undefined => (Number.isFinite(at) ? at - kill.atMs : undefined);
    return { ...kill, firstMs: after(Math.min(...next)), allMs: after(Math.max(...next)) };
  });
}

/** Instants at which a run began, a step's result was recorded or it ended. */
function progressOf({ events }: History): readonly number[] {
  return events.flatMap(({ event }) => {
    const counts = ["run_started", "step_succeeded", "run_completed"].includes(event.kind);
    return counts ? [Date.parse(event.at)] : [];
  });
}
