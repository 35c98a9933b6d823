import { AgentFlowError, exitCodes } from "@agentflow/protocol";
import type { Stop as Remove, Timers } from "./clock.ts";
import type { Log } from "./log/log.ts";

/** In this order: take nothing new, finish what runs, close what is open. */
export const stopPhases = ["accept", "drain", "close"] as const;
export type StopPhase = (typeof stopPhases)[number];

/** Why the process ends: a signal, an error, or that its work is done. */
export type StopReason = "SIGINT" | "SIGTERM" | "SIGHUP" | "error" | "done";

/** Ends one part. The signal fires when there is no more time: then leave what can be left. */
export type Closer = (hurry: AbortSignal) => Promise<void> | void;

export interface StopResult {
  readonly reason: StopReason;
  /** Every part ended by itself, in time and without an error. */
  readonly clean: boolean;
  /** Parts that had not ended at the deadline, or threw: `drain/worker`. */
  readonly unfinished: readonly string[];
  readonly exitCode: number;
}

export interface StopOptions {
  readonly timers: Timers;
  readonly log: Log;
  /** For all phases together (10 s). */
  readonly deadlineMs?: number;
}

export interface GracefulStop {
  /** Fires when stopping begins. */
  readonly signal: AbortSignal;
  /** A part to end; within `close` the last one added goes first, within the others all go at once. */
  add(phase: StopPhase, name: string, close: Closer): Remove;
  /**
   * Stops, once; a second call while stopping forces the end. All calls get the same result. The first one's
   * `exitCode` is the process's, whatever the reason would make it.
   */
  begin(reason: StopReason, exitCode?: number): Promise<StopResult>;
  readonly done: Promise<StopResult>;
}

interface Part {
  readonly phase: StopPhase;
  readonly name: string;
  readonly close: Closer;
}

/** Collects what must be ended and ends it in order, within a deadline, whatever the parts do. */
export function createStop(options: StopOptions): GracefulStop {
  const parts = new Set<Part>();
  const stopping = new AbortController();
  const hurry = new AbortController();
  const { promise: done, resolve } = Promise.withResolvers<StopResult>();
  return {
    signal: stopping.signal,
    done,
    add(phase, name, close) {
      const part = { phase, name, close };
      parts.add(part);
      return () => void parts.delete(part);
    },
    begin(reason, exitCode) {
      if (stopping.signal.aborted) {
        if (!hurry.signal.aborted) options.log.warn("stopping at once", { reason });
        hurry.abort();
        return done;
      }
      options.log.info("stopping", { reason });
      stopping.abort();
      void (async () => {
        const unfinished = await endAll(parts, hurry, options);
        const clean = unfinished.length === 0;
        if (!clean) options.log.warn("stopped with parts unfinished", { unfinished });
        resolve({ reason, clean, unfinished, exitCode: exitCode ?? exitCodeOf(reason, clean) });
      })();
      return done;
    },
  };
}

/** 0 after a clean stop, 130 after Ctrl-C, 1 after an error or when something had to be left. */
export function exitCodeOf(reason: StopReason, clean: boolean): number {
  if (reason === "error") return 1;
  if (reason === "SIGINT") return exitCodes.interrupted;
  return clean ? exitCodes.ok : 1;
}

/** After the deadline or a second signal, the parts get this long together to let go. */
const hurryMs = 500;

async function endAll(
  parts: ReadonlySet<Part>,
  hurry: AbortController,
  options: StopOptions,
): Promise<string[]> {
  const { timers, log, deadlineMs = 10_000 } = options;
  const over = new AbortController();
  const stops = [timers.after(deadlineMs, () => hurry.abort())];
  const onHurry = (): void => void stops.push(timers.after(hurryMs, () => over.abort()));
  hurry.signal.addEventListener("abort", onHurry, { once: true });
  const unfinished: string[] = [];
  const end = async (part: Part): Promise<void> => {
    const ended = await Promise.race([closeOne(part, hurry.signal, log), aborted(over.signal)]);
    if (!ended) unfinished.push(`${part.phase}/${part.name}`);
  };
  for (const phase of stopPhases) {
    const now = [...parts].filter((part) => part.phase === phase);
    if (phase === "close") for (const part of now.toReversed()) await end(part);
    else await Promise.all(now.map(end));
  }
  for (const stop of stops) stop();
  hurry.signal.removeEventListener("abort", onHurry);
  return unfinished;
}

/** False once the signal fires. If it has already, a part still gets the turn that a plain close needs. */
function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    if (signal.aborted) queueMicrotask(() => resolve(false));
    else signal.addEventListener("abort", () => resolve(false), { once: true });
  });
}

async function closeOne({ name, phase, close }: Part, hurry: AbortSignal, log: Log): Promise<boolean> {
  try {
    await close(hurry);
    return true;
  } catch (thrown) {
    log.error("a part failed while stopping", {
      part: name,
      phase,
      error: AgentFlowError.from(thrown, name),
    });
    return false;
  }
}
