/** Lines about runs as they start and end, from the same stream that every follower reads. */
import type { Engine } from "@agentflow/control-plane";
import { type RunEventView, defaultTenant, unixMs } from "@agentflow/protocol";
import type { DevScreen } from "./screen.ts";

const startsMax = 10_000;

export function followRuns(engine: Engine, screen: DevScreen): void {
  const started = new Map<string, { readonly workflow: string; readonly atMs: number }>();
  const stop = new AbortController();
  const onEvent = ({ run, event }: RunEventView): void => {
    if (event.kind === "run_started") {
      if (started.size >= startsMax) started.clear();
      started.set(run, { workflow: event.workflow, atMs: unixMs(event.at) });
      screen.runStarted(run, event.workflow);
      return;
    }
    const ended =
      event.kind === "run_completed" || event.kind === "run_failed" || event.kind === "run_cancelled";
    if (!ended) {
      if (event.kind === "attempt_lost" || event.kind === "step_unknown") screen.attemptLost(run, event);
      return;
    }
    const begin = started.get(run);
    started.delete(run);
    const tookMs = begin === undefined ? undefined : unixMs(event.at) - begin.atMs;
    screen.runEnded({ run, event, workflow: begin?.workflow, tookMs });
  };
  engine.runs.follow(defaultTenant, { runs: "all", onEvent, signal: stop.signal }).catch(() => {
    // The engine is stopping: there is nothing left to tell.
  });
  const logs = engine.telemetry.follow(
    defaultTenant,
    { kind: "log", level: "info" },
    {
      onRecord: (record) => (record.kind === "log" ? screen.logs([record]) : undefined),
      signal: stop.signal,
    },
  );
  logs.catch(() => {});
}
