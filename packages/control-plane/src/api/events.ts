/** Server-sent streams: events of many runs, and telemetry, over one connection each, resumable by cursor. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Timers } from "@agentflow/host/clock";
import { AgentFlowError, type RunId, type TenantId, parseId, toErrorBody } from "@agentflow/protocol";
import type { Context } from "hono";
import { type Principal, requireScope } from "../auth/principal.ts";
import type { Engine, FollowLive } from "../engine.ts";
import { corsOf, shownError } from "./answers.ts";
import type { ServerLimits } from "./limits.ts";
import { busTailQuery, sightOf, tailKindsOf } from "./operations/bus.ts";
import { telemetryStreamQuery } from "./operations/installation.ts";
import { parseSources } from "./operations/parse-bodies.ts";
import { placeOfCursor, sendMerged } from "./merged-stream.ts";
import { parseWith } from "./parse-body.ts";
import { type AppEnv, queryOf } from "./request.ts";
import { type Send, SseWriter, streamHeaders } from "./sse-writer.ts";

/** Their names must fit into the head of one request. */
export const runsPerStreamMax = 500;

type Work = (send: Send, signal: AbortSignal, writer: SseWriter) => Promise<void>;

export interface StreamsOptions {
  readonly engine: Engine;
  readonly limits: ServerLimits;
  readonly timers: Timers;
  /** Ends every stream; their readers resume elsewhere by cursor. */
  readonly stopping: AbortSignal;
}

/** The streams of one server: as many as it bears, each ended when its reader goes or does not read. */
export class Streams {
  readonly #options: StreamsOptions;
  #open = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#open;
  }

  /**
   * `GET /v1/events?runs=a,b&after=cursor`: `id` of each message is the cursor to resume with; `end` closes.
   * With `live=1` also records of journals (`journal`) and what is told live (`live`, which has no `id`).
   */
  async events(context: Context<AppEnv>, principal: Principal): Promise<Response> {
    requireScope(principal, "runs:read");
    const { engine } = this.#options;
    const { runs: asked, ...query } = queryOf(context);
    const runs = parseRuns(asked);
    const isLive = parseLiveFlag(query["live"]);
    const after = placeOf(context, query["after"]);
    const { tenant } = principal;
    if (runs !== "all") await Promise.all(runs.map((run) => mustExist(engine, tenant, run)));
    return this.#stream(context, async (send, signal, writer) => {
      const onEvent = (event: unknown, cursor: () => string): void =>
        send({ event: "event", data: JSON.stringify(event), id: cursor() });
      const from = after === undefined ? {} : { after };
      const live = isLive ? { live: liveTo(send, writer) } : {};
      await engine.runs.follow(tenant, { runs, onEvent, signal, ...from, ...live });
      if (!signal.aborted) send({ event: "end", data: "{}" });
    });
  }

  /** `GET /v1/telemetry/stream`: what is behind the cursor, then what comes; with events where asked. */
  async telemetry(context: Context<AppEnv>, principal: Principal): Promise<Response> {
    requireScope(principal, "runs:read");
    const query = parseWith(telemetryStreamQuery, queryOf(context), "the query");
    const { events, eventsBehind, after, batch, ...asked } = query;
    const { engine } = this.#options;
    const { tenant } = principal;
    const of = { behind: eventsBehind, lanes: engine.lanes };
    const place = placeOfCursor(placeOf(context, after), of);
    const runs = events === undefined ? "all" : parseRuns(asked.run);
    if (runs !== "all") await Promise.all(runs.map((run) => mustExist(engine, tenant, run)));
    const filter = parseSources(asked);
    const merged = { engine, tenant, filter, events, runs, place, batch: batch === "true" };
    return this.#stream(context, (send, signal, pace) => sendMerged({ ...merged, pace }, send, signal));
  }

  /**
   * `GET /v1/bus/tail`: what comes over the bus from now on. `missed` tells of records that were left out
   * because its reader was behind; there is no place to resume from.
   */
  async busTail(context: Context<AppEnv>, principal: Principal): Promise<Response> {
    requireScope(principal, "runs:read");
    const query = parseWith(busTailQuery, queryOf(context), "the query");
    const { kinds, tenant, characters = 2_000, ...rest } = query;
    const sight = sightOf(principal, tenant, { own: query.run !== undefined });
    const { run } = query;
    if (run !== undefined) await mustExist(this.#options.engine, sight.tenant ?? principal.tenant, run);
    const wanted = { ...rest, kinds: tailKindsOf(kinds), charactersMax: characters };
    return this.#stream(context, async (send, signal, writer) => {
      await this.#options.engine.bus.tail(sight, {
        ...wanted,
        signal,
        isBehind: () => writer.isBehind,
        onItem: (item) => send({ event: "item", data: JSON.stringify(item) }),
        onMissed: (count) => send({ event: "missed", data: JSON.stringify({ count }) }),
      });
    });
  }

  /** What is wrong before the first byte is an ordinary answer; later it is the stream's last message. */
  async #stream(context: Context<AppEnv>, work: Work): Promise<Response> {
    const { limits, stopping, timers } = this.#options;
    if (this.#open >= limits.streamsMax) throw tooMany(limits.streamsMax);
    const { outgoing, incoming } = context.env;
    if (incoming.method === "HEAD") return new Response(null, { headers: streamHeaders });
    const gone = new AbortController();
    const writer = new SseWriter(outgoing, {
      limits,
      timers,
      headers: corsOf(incoming.headers.origin),
      gone,
    });
    this.#open++;
    outgoing.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stopping]);
    const working = work((message) => writer.send(message), signal, writer).finally(() => this.#open--);
    const early = await Promise.race([working.then(nothing, asError), turn()]);
    if (early !== undefined && !writer.begun) throw early;
    writer.begin();
    void working.then(
      () => writer.end(),
      (error: unknown) => writer.end({ event: "error", data: errorData(error) }),
    );
    return RESPONSE_ALREADY_SENT;
  }
}

function liveTo(send: Send, writer: SseWriter): FollowLive {
  return {
    onJournal: (record, cursor) => send({ event: "journal", data: JSON.stringify(record), id: cursor() }),
    onLive: (live) => send({ event: "live", data: JSON.stringify(live) }),
    isBehind: () => writer.isBehind,
  };
}

function parseLiveFlag(text: string | undefined): boolean {
  if (text === undefined || text === "0" || text === "false") return false;
  if (text === "1" || text === "true") return true;
  throw new AgentFlowError("invalid_input", `live is 1 or 0, not ${JSON.stringify(text.slice(0, 20))}`);
}

function nothing(): undefined {
  return undefined;
}

function asError(error: unknown): AgentFlowError {
  return AgentFlowError.from(error, "the stream");
}

function turn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)));
}

function errorData(error: unknown): string {
  return JSON.stringify(toErrorBody(shownError(AgentFlowError.from(error, "the stream"))));
}

/** A reader that resumes by itself repeats its first address: where it was says the header. */
function placeOf(context: Context<AppEnv>, after: string | undefined): string | undefined {
  const place = context.req.header("last-event-id") ?? after;
  if (place !== undefined && place.length > 500) {
    throw new AgentFlowError("invalid_input", "that is not a cursor", { reason: "invalid_cursor" });
  }
  return place;
}

/** Throws `not_found` for a run that nobody started, also when it is another tenant's. */
async function mustExist(engine: Engine, tenant: TenantId, run: RunId): Promise<void> {
  await engine.runs.events(tenant, run, { limit: 1 });
}

function parseRuns(text: string | undefined): readonly RunId[] | "all" {
  if (text === undefined || text === "all") return "all";
  const runs = text.split(",");
  if (runs.length > runsPerStreamMax) {
    throw new AgentFlowError("invalid_input", `more than ${runsPerStreamMax} runs on one stream`, {
      reason: "limit_exceeded",
      details: { max: runsPerStreamMax },
    });
  }
  return runs.map((run) => parseId("run", run));
}

function tooMany(max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `more than ${max} streams are open here`, {
    reason: "too_many_streams",
    details: { max, retryAfterMs: 5_000 },
  });
}
