/** Ended runs leave the log for packed archives, hourly; of several control planes one does it. */
import type { ControlPlane } from "@agentflow/control-plane";
import type { Stop, Timers } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";

const retainEveryMs = 3_600_000;
/** Soon, for an installation that is never up for an hour; not at once, for the start has better to do. */
const retainFirstMs = 60_000;

export interface RetainOptions {
  readonly timers: Timers;
  readonly log: Log;
  /** Asked each time: they may change while it runs. */
  readonly bounds: () => Parameters<ControlPlane["engine"]["retain"]>[0];
}

export function retainHourly({ engine }: ControlPlane, { timers, log, bounds }: RetainOptions): Stop {
  const retain = (): void => {
    engine.retain(bounds()).catch((error: unknown) => log.warn("old runs were not archived", { error }));
  };
  const stops = [
    timers.after(retainFirstMs, retain, { background: true }),
    timers.every(retainEveryMs, retain, { background: true }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
