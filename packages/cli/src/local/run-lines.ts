/** Lines about runs as they start and end; when there are too many for a person, one a second that counts. */
import type { Engine } from "@agentflow/control-plane";
import { type RunEventView, defaultTenant, unixMs } from "@agentflow/protocol";
import type { DevScreen, RunCounts } from "./screen.ts";

/** More lines about runs than this in one second become one. */
export const runLinesPerSecond = 20;
const secondMs = 1_000;
const startsMax = 10_000;

export function followRuns(engine: Engine, screen: DevScreen): void {
  const lines = runLines(screen);
  const stop = new AbortController();
  engine.runs
    .follow(defaultTenant, { runs: "all", onEvent: lines.onEvent, signal: stop.signal })
    .catch(() => {
      // The engine is stopping: there is nothing left to tell.
    });
  const logs = engine.telemetry.follow(
    defaultTenant,
    // Our own lines and the worker's come here by a shorter way.
    { kind: "log", level: "info", source: ["runner", "tool", "agent"] },
    {
      onRecord: (record) => (record.kind === "log" ? screen.logs([record]) : undefined),
      signal: stop.signal,
    },
  );
  logs.catch(() => {});
}

type RunScreen = Pick<DevScreen, "runStarted" | "runEnded" | "attemptLost" | "runCounts">;
type Start = { readonly workflow: string; readonly at: string };

/** The timer runs only while there is something to tell: an idle `af dev` sleeps. */
export function runLines(screen: RunScreen): { onEvent(event: RunEventView): void } {
  const starts = new Map<string, Start>();
  let shown = 0;
  let counts: Counts | undefined;
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    timer = undefined;
    shown = 0;
    if (counts === undefined) return;
    screen.runCounts(counts);
    // A flood goes on as a sum until a second passes that was quiet.
    const quiet = counts.started + counts.completed + counts.failed + counts.cancelled <= runLinesPerSecond;
    counts = quiet ? undefined : noCounts();
    timer = quiet ? undefined : setTimeout(tick, secondMs).unref();
  };
  const mayShow = (): boolean => {
    timer ??= setTimeout(tick, secondMs).unref();
    if (counts === undefined && ++shown > runLinesPerSecond) counts = noCounts();
    return counts === undefined;
  };
  const onEvent = ({ run, event }: RunEventView): void => {
    switch (event.kind) {
      case "run_started":
        if (starts.size >= startsMax) starts.clear();
        starts.set(run, { workflow: event.workflow, at: event.at });
        if (mayShow()) screen.runStarted(run, event.workflow);
        else if (counts !== undefined) counts.started++;
        return;
      case "run_completed":
      case "run_failed":
      case "run_cancelled": {
        const begin = starts.get(run);
        starts.delete(run);
        if (mayShow()) screen.runEnded({ run, event, ...ofStart(begin, event.at) });
        else if (counts !== undefined) counts[countOf[event.kind]]++;
        return;
      }
      case "attempt_lost":
      case "step_unknown":
      case "approval_requested":
        screen.attemptLost(run, event);
        return;
      default:
        return;
    }
  };
  return { onEvent };
}

type Counts = { -readonly [Key in keyof RunCounts]: RunCounts[Key] };

const countOf = { run_completed: "completed", run_failed: "failed", run_cancelled: "cancelled" } as const;

function noCounts(): Counts {
  return { started: 0, completed: 0, failed: 0, cancelled: 0 };
}

function ofStart(
  begin: Start | undefined,
  endAt: string,
): { readonly workflow: string | undefined; readonly tookMs: number | undefined } {
  if (begin === undefined) return { workflow: undefined, tookMs: undefined };
  return { workflow: begin.workflow, tookMs: unixMs(endAt) - unixMs(begin.at) };
}
