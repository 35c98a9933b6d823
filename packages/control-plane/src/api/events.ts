/** Server-sent streams: events of many runs, and telemetry, over one connection each, resumable by cursor. */
import { AgentFlowError, type RunId, parseId } from "@agentflow/protocol";
import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { type Principal, requireScope } from "../auth/principal.ts";
import type { Engine } from "../engine.ts";
import { telemetryQuery } from "./operations/installation.ts";
import { parseSources } from "./operations/parse-bodies.ts";
import { parseWith } from "./parse-body.ts";

const runsMax = 1_000;
/** A comment this often keeps proxies from closing a quiet stream. */
const keepAliveMs = 15_000;
/**
 * A follower that does not read holds at most so many events here; then it is cut off and resumes by cursor.
 */
const waitingMax = 5_000;

/**
 * `GET /v1/events?runs=a,b&after=cursor`: `id` of each message is the cursor to resume with; `end` closes.
 */
export function eventStream(context: Context, principal: Principal, engine: Engine): Response {
  requireScope(principal, "runs:read");
  const runs = parseRuns(context.req.query("runs"));
  const after = context.req.query("after") ?? context.req.header("last-event-id");
  return streamed(context, async (send, signal) => {
    await engine.runs.follow(principal.tenant, {
      runs,
      ...(after === undefined ? {} : { after }),
      onEvent: (event, cursor) => send({ event: "event", data: JSON.stringify(event), id: cursor }),
      signal,
    });
    if (!signal.aborted) send({ event: "end", data: "{}" });
  });
}

/** `GET /v1/telemetry/stream`: the filters of the query, then what comes. */
export function telemetryStream(context: Context, principal: Principal, engine: Engine): Response {
  requireScope(principal, "runs:read");
  const filter = parseSources(parseWith(telemetryQuery, context.req.query(), "the query"));
  return streamed(context, (send, signal) =>
    engine.telemetry.follow(principal.tenant, filter, {
      onRecord: (record, cursor) => send({ event: "record", data: JSON.stringify(record), id: cursor }),
      signal,
    }),
  );
}

interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

type Send = (message: SseMessage) => void;

function streamed(context: Context, work: (send: Send, signal: AbortSignal) => Promise<void>): Response {
  return streamSSE(context, async (stream) => {
    const stop = new AbortController();
    stream.onAbort(() => stop.abort());
    const sender = orderedSender(stream, () => stop.abort());
    const alive = setInterval(() => void stream.write(": still here\n\n"), keepAliveMs);
    try {
      await stream.write(": follows\n\n");
      await work(sender.send, stop.signal);
      await sender.drained();
    } catch (error) {
      const shown = AgentFlowError.from(error, "the stream");
      await stream.writeSSE({
        event: "error",
        data: JSON.stringify({ code: shown.code, message: shown.message }),
      });
    } finally {
      clearInterval(alive);
    }
  });
}

/** Writes in order without waiting for each; a reader that falls too far behind is cut off, not buffered. */
function orderedSender(
  stream: SSEStreamingApi,
  cutOff: () => void,
): { send: Send; drained(): Promise<void> } {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  return {
    send(message) {
      if (++waiting > waitingMax) cutOff();
      last = last.then(async () => {
        await stream.writeSSE(message);
        waiting--;
      });
    },
    drained: () => last,
  };
}

function parseRuns(text: string | undefined): readonly RunId[] | "all" {
  if (text === undefined || text === "all") return "all";
  const runs = text.split(",");
  if (runs.length > runsMax) {
    throw new AgentFlowError("invalid_input", `more than ${runsMax} runs on one stream`, {
      reason: "limit_exceeded",
    });
  }
  return runs.map((run) => parseId("run", run));
}
