/** Watches a run to its end: every event once, then how it ended. */
import { AgentFlowError, type RunAnswer, type RunEventView, type WhyReason } from "@agentflow/protocol";
import type { Client, LiveItem } from "@agentflow/sdk/client";
import { setTimeout as delay } from "node:timers/promises";
import { isEndEvent } from "./event-line.ts";
import { Silence } from "./waiting.ts";

export interface Watching {
  readonly client: Client;
  readonly run: string;
  readonly onEvent: (event: RunEventView) => void;
  /** What agents say and do meanwhile; not asked for when left out. */
  readonly onLive?: (item: Exclude<LiveItem, { readonly kind: "event" }>) => void;
  /** When nothing comes for some seconds: what it waits for. */
  readonly onWait: (reason: WhyReason) => void;
  /** Gives up watching, never the run. */
  readonly signal: AbortSignal;
  readonly waitMs?: number;
}

export type Watched =
  | { readonly kind: "ended"; readonly answer: RunAnswer }
  | { readonly kind: "left" }
  | { readonly kind: "waited" };

/** After the answer, this long for the last events to arrive. */
const lastEventsMs = 1_000;

/** Resolves with the answer, or with why there is none yet. Events that arrive in time come before it. */
export async function watchRun(of: Watching): Promise<Watched> {
  const { client, run, signal, waitMs } = of;
  const over = waitMs === undefined ? new AbortController().signal : AbortSignal.timeout(waitMs);
  const stop = new AbortController();
  const left = AbortSignal.any([signal, over]);
  left.addEventListener("abort", () => stop.abort(), { once: true });
  if (left.aborted) stop.abort();
  const silence = new Silence();
  void silence.watch({ client, run, onWait: of.onWait, signal: stop.signal });
  const events = follow(heardBy(silence, of), stop.signal);
  try {
    const answer = await client.runs.wait(run, { signal: stop.signal });
    if (answer.status === "running") return { kind: signal.aborted ? "left" : "waited" };
    await Promise.race([
      events,
      delay(answer.status === "parked" ? 100 : lastEventsMs, undefined, { ref: false }),
    ]);
    return { kind: "ended", answer };
  } catch (error) {
    if (signal.aborted) return { kind: "left" };
    if (over.aborted) return { kind: "waited" };
    throw lost(error, run);
  } finally {
    stop.abort();
    await events;
  }
}

function heardBy(silence: Silence, of: Watching): Watching {
  const { onEvent, onLive } = of;
  const heard: Watching = {
    ...of,
    onEvent(event) {
      silence.broken();
      onEvent(event);
    },
  };
  if (onLive === undefined) return heard;
  return {
    ...heard,
    onLive(item) {
      silence.broken();
      onLive(item);
    },
  };
}

async function follow(of: Watching, signal: AbortSignal): Promise<void> {
  try {
    for await (const item of items(of, signal)) {
      if (item.kind !== "event") of.onLive?.(item);
      else {
        of.onEvent(item.event);
        if (isEndEvent(item.event)) return;
      }
    }
  } catch {
    // The wait beside it says what is wrong; without events there is only less to see.
  }
}

async function* items({ client, run, onLive }: Watching, signal: AbortSignal): AsyncIterable<LiveItem> {
  if (onLive === undefined) {
    for await (const event of client.runs.follow(run, { signal })) {
      yield { kind: "event", event, cursor: undefined };
    }
  } else {
    for await (const item of client.runs.follow(run, { signal, live: true })) yield item;
  }
}

function lost(error: unknown, run: string): AgentFlowError {
  const ours = AgentFlowError.from(error, "watching the run");
  if (ours.code !== "unavailable") return ours;
  return new AgentFlowError("unavailable", `the installation stopped answering; run ${run} is kept`, {
    reason: "connection_lost",
    cause: error,
    suggestions: ["af dev", `af run watch ${run}`],
  });
}
