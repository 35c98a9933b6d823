/** Ended runs leave the log for packed archives, now and then; of several control planes one does it. */
import type { ControlPlane } from "@agentflow/control-plane";
import type { Stop, Timers } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";

/** Soon, for an installation that is never up for an hour; not at once, for the start has better to do. */
const retainFirstMs = 60_000;

export interface RetainOptions {
  readonly timers: Timers;
  readonly log: Log;
  /** Asked each time: they may change while it runs. How often, it is told at the start. */
  readonly bounds: () => Parameters<ControlPlane["engine"]["retain"]>[0] & { readonly everyMs: number };
}

export function retainRegularly({ engine }: ControlPlane, { timers, log, bounds }: RetainOptions): Stop {
  const retain = (): void => {
    engine.retain(bounds()).catch((error: unknown) => log.warn("old runs were not archived", { error }));
  };
  const { everyMs } = bounds();
  const stops = [
    timers.after(Math.min(everyMs, retainFirstMs), retain, { background: true }),
    timers.every(everyMs, retain, { background: true }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
