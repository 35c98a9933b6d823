/** The typed API client. One instance for one installation; safe to share. */
import type {
  BuildList,
  BusCheck,
  CallableView,
  CancelBody,
  EventPage,
  InstallationStatus,
  InstallationTop,
  JournalPage,
  Page,
  Plan,
  PoolDepth,
  RegisterBody,
  ResolveBody,
  RunAnswer,
  RunEventView,
  RunId,
  RunPage,
  RunSummary,
  RunView,
  StartRunBody,
  TelemetryPage,
  UsageAnswer,
  UsageGroup,
  WhyAnswer,
  WorkerView,
  WorkflowSummary,
  WorkflowView,
} from "@agentflow/protocol";
import { approvalsOf } from "./approvals.ts";
import { type BusClient, busOf } from "./bus.ts";
import { exchange } from "./exchange.ts";
import { type FollowOptions, followStream, liveOf, type LiveOptions, records, valuesOf } from "./follow.ts";
import type { LiveItem } from "./live-track.ts";
import { type Followed, type StreamItem, streamItem, toJson } from "./parse-answer.ts";
import { newInputId, newRunId, runIdOfKey } from "./make-ids.ts";
import { queryText } from "./query-text.ts";
import type {
  AuditPage,
  AuditQuery,
  JournalQuery,
  KeyView,
  NewKey,
  StreamOptions,
  StreamQuery,
  TelemetryQuery,
  TelemetryRecord,
} from "./queries.ts";
import { type Session, openSession } from "./session.ts";
import type { ClientOptions, Transport, TransportRequest } from "./transport.ts";

export interface StartOptions {
  /** Made for you when left out; retries of one start always carry the same. */
  readonly run?: string;
  /** A request key: the same key starts the same run, however often it is asked for. */
  readonly key?: string;
  readonly tenant?: string;
  readonly version?: string;
  readonly labels?: { readonly [key: string]: string };
  readonly timeoutMs?: number;
  /** How long the answer may wait for the run's end (0: answer once it is accepted; at most 60,000). */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

export interface ListRuns {
  readonly status?: string;
  readonly workflow?: string;
  /** `key=value`. */
  readonly label?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly cursor?: string;
  readonly minRevision?: number;
}

const longestWaitMs = 30_000;

export class Client {
  readonly #transport: Transport;
  readonly #retryForMs: number;
  /** What lies on the bus and comes over it, and dead letters that can be put right. */
  readonly bus: BusClient;

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport;
    this.#retryForMs = options.retryForMs ?? 30_000;
    this.bus = busOf({
      transport,
      giveUpAfterMs: this.#retryForMs,
      get: (path) => this.#get(path),
      post: (path, body) => this.#post(path, body),
    });
  }

  readonly runs = {
    /** Starts a run and gives the answer of the API: accepted, or its end when that came within `waitMs`. */
    start: (workflow: string, input: unknown, options: StartOptions = {}): Promise<RunAnswer> =>
      this.#start(workflow, input, options),
    /** Starts a run and waits for its end, however long; reconnects as often as it must. */
    startAndWait: (workflow: string, input: unknown, options: StartOptions = {}): Promise<RunAnswer> =>
      this.#startAndWait(workflow, input, options),
    /** Waits for the end of a run that was started before. */
    wait: (run: string, options: { readonly signal?: AbortSignal } = {}): Promise<RunAnswer> =>
      this.#wait(run, options.signal),
    get: (run: string): Promise<RunView> => this.#get(`/v1/runs/${encodeURIComponent(run)}`),
    list: (query: ListRuns = {}): Promise<RunPage> => this.#get(`/v1/runs${queryText({ ...query })}`),
    /** Every run that matches, page by page. */
    all: (query: ListRuns = {}): AsyncIterable<RunSummary> => this.#all(query),
    cancel: (
      run: string,
      options: { readonly reason?: string; readonly input?: string } = {},
    ): Promise<RunAnswer> => this.#cancel(run, options),
    /** Says what became of a step whose outcome is unknown. */
    resolve: async (
      run: string,
      body: Omit<ResolveBody, "input"> & { readonly input?: string },
    ): Promise<RunAnswer> =>
      this.#post(`/v1/runs/${encodeURIComponent(run)}/resolve`, {
        input: newInputId(this.#transport),
        ...body,
        ...(body.output === undefined ? {} : { output: toJson(body.output) }),
      }),
    why: (run: string, options: { readonly signal?: AbortSignal } = {}): Promise<WhyAnswer> =>
      this.#ask({ method: "GET", path: `/v1/runs/${encodeURIComponent(run)}/why`, ...options }),
    plan: (run: string): Promise<Plan> => this.#get(`/v1/runs/${encodeURIComponent(run)}/plan`),
    /** Records of the journals of a run's agent steps, or of one step, oldest first. */
    journal: (run: string, query: JournalQuery = {}): Promise<JournalPage> =>
      this.#get(`/v1/runs/${encodeURIComponent(run)}/journal${queryText({ ...query })}`),
    events: (
      run: string,
      query: { readonly after?: string; readonly limit?: number } = {},
    ): Promise<EventPage> =>
      this.#get(`/v1/runs/${encodeURIComponent(run)}/events${queryText({ ...query })}`),
    /**
     * Events of a run as they happen, from the first or behind `after`, until its end. Reconnects by itself.
     * With `live` between them also what its agents do: see `LiveItem`.
     */
    follow: this.#followOne.bind(this),
  };

  readonly approvals = approvalsOf({
    get: (path) => this.#get(path),
    post: (path, body) => this.#post(path, body),
    input: () => newInputId(this.#transport),
  });

  /** What models and tools have used up, by agent when nothing else is said. */
  usage(query: { readonly by?: UsageGroup; readonly since?: string } = {}): Promise<UsageAnswer> {
    return this.#get(`/v1/usage${queryText({ ...query })}`);
  }

  readonly workflows = {
    register: (body: RegisterBody): Promise<WorkflowView> => this.#post("/v1/workflows", body),
    /** Those that can be started; with `all` also those that were removed from their project. */
    list: (query: { readonly all?: boolean } = {}): Promise<Page<WorkflowSummary>> =>
      this.#get(`/v1/workflows${queryText({ all: query.all === true ? true : undefined })}`),
    get: (name: string, version?: string): Promise<WorkflowView> =>
      this.#get(`/v1/workflows/${encodeURIComponent(name)}${queryText({ version })}`),
  };

  readonly tools = { list: (): Promise<Page<CallableView>> => this.#get("/v1/tools") };
  readonly agents = { list: (): Promise<Page<CallableView>> => this.#get("/v1/agents") };
  readonly workers = {
    list: (): Promise<Page<WorkerView>> => this.#get("/v1/workers"),
    /** Opens the inspector of the worker's runner on its machine's loopback; its address. */
    inspect: (worker: string, port?: number): Promise<{ readonly worker: string; readonly url: string }> =>
      this.#post(`/v1/workers/${encodeURIComponent(worker)}/inspect`, port === undefined ? {} : { port }),
  };

  readonly builds = {
    /** Which builds take new runs, which have some left, and who works for them. */
    list: (query: { readonly minRevision?: number } = {}): Promise<BuildList> =>
      this.#get(`/v1/builds${queryText({ ...query })}`),
  };

  readonly pools = {
    /** How much work there is for a pool's workers. Needs the scope `pools:read` or `operator`. */
    depth: (pool: string, query: { readonly build?: string } = {}): Promise<PoolDepth> =>
      this.#get(`/v1/pools/${encodeURIComponent(pool)}/depth${queryText({ ...query })}`),
  };

  readonly telemetry = {
    query: (query: TelemetryQuery = {}): Promise<TelemetryPage> =>
      this.#get(`/v1/telemetry${queryText({ ...query })}`),
    /** Records as they come, behind `after` when it is given; reconnects by itself, ends with the signal. */
    follow: (
      query: TelemetryQuery = {},
      options: { readonly signal?: AbortSignal } = {},
    ): AsyncIterable<Followed<TelemetryRecord>> => {
      const { after, ...rest } = query;
      const from = after === undefined ? options : { ...options, after };
      return records(this.#follow<TelemetryRecord>(`/v1/telemetry/stream${queryText(rest)}`, from));
    },
    /**
     * A log of everything over one connection: records, and between them events of runs. Behind a cursor
     * that this or a query gave; a lost connection is made again there, for as long as the client retries.
     */
    stream: (query: StreamQuery = {}, options: StreamOptions = {}): AsyncIterable<StreamItem> =>
      this.#stream(query, options),
  };

  readonly keys = {
    /** The key's text is in this answer and nowhere else, ever. */
    create: (body: NewKey): Promise<{ readonly key: string; readonly view: KeyView }> =>
      this.#ask({ method: "POST", path: "/v1/keys", body: JSON.stringify(body), once: true }),
    list: (): Promise<Page<KeyView>> => this.#get("/v1/keys"),
    revoke: (id: string): Promise<{ readonly revoked: string }> =>
      this.#ask({ method: "DELETE", path: `/v1/keys/${encodeURIComponent(id)}` }),
  };

  /** The audit trail, oldest first. */
  audit(query: AuditQuery = {}): Promise<AuditPage> {
    const { installation, ...rest } = query;
    const which = installation === true ? { installation } : {};
    return this.#get(`/v1/audit${queryText({ ...rest, ...which })}`);
  }

  /**
   * Ended runs leave the log for archives now, some thousands a call; resolves with how many. Needs the scope
   * `operator`.
   */
  archive(which: {
    readonly olderThanMs?: number;
    readonly keepRuns?: number;
  }): Promise<{ readonly archived: number }> {
    const body = JSON.stringify(which);
    return this.#ask({ method: "POST", path: "/v1/archive", body, timeoutMs: archiveWithinMs });
  }

  /** The bus keeps what it is given: proved by a row, written and read back. Needs the scope `operator`. */
  checkBus(): Promise<BusCheck> {
    return this.#ask({ method: "POST", path: "/v1/bus/check" });
  }

  /** What goes on now; two answers make rates. */
  top(): Promise<InstallationTop> {
    return this.#get("/v1/top");
  }

  /** One look at the whole installation. */
  status(): Promise<InstallationStatus> {
    return this.#get("/v1/status");
  }

  /**
   * A copy of the whole installation, as the file that `af backup` writes. Needs the scope `operator`. It is
   * whole only with its last record: `af backup verify` says whether it is.
   */
  backup(
    options: { readonly telemetry?: boolean; readonly signal?: AbortSignal } = {},
  ): AsyncIterable<Uint8Array> {
    const { telemetry, signal } = options;
    const path = `/v1/backup${queryText({ telemetry: telemetry === true ? true : undefined })}`;
    return this.#transport.bytes({ method: "GET", path, ...(signal === undefined ? {} : { signal }) });
  }

  /** Events of many runs over one connection, with `live` more; ends when all of them have ended. */
  followMany(runs: readonly string[], options: LiveOptions): AsyncIterable<LiveItem>;
  followMany(runs: readonly string[], options?: FollowOptions): AsyncIterable<RunEventView>;
  followMany(
    runs: readonly string[],
    options: FollowOptions | LiveOptions = {},
  ): AsyncIterable<LiveItem> | AsyncIterable<RunEventView> {
    const path = `/v1/events?runs=${runs.map(encodeURIComponent).join(",")}`;
    return "live" in options
      ? liveOf(this.#follow<unknown>(`${path}&live=1`, options))
      : valuesOf(this.#follow<RunEventView>(path, options));
  }

  /** A socket for starting and awaiting many runs: what a busy service uses. */
  session(): Session {
    return openSession(this.#transport, this.#retryForMs);
  }

  newRunId(): RunId {
    return newRunId(this.#transport);
  }

  close(): void {
    this.#transport.close();
  }

  #followOne(run: string, options: LiveOptions): AsyncIterable<LiveItem>;
  #followOne(run: string, options?: FollowOptions): AsyncIterable<RunEventView>;
  #followOne(
    run: string,
    options: FollowOptions | LiveOptions = {},
  ): AsyncIterable<LiveItem> | AsyncIterable<RunEventView> {
    return "live" in options ? this.followMany([run], options) : this.followMany([run], options);
  }

  async #start(workflow: string, input: unknown, options: StartOptions): Promise<RunAnswer> {
    const waitMs = Math.min(options.waitMs ?? 0, 60_000);
    const body = await startBody(this.#transport, { workflow, input, options });
    const path = `/v1/runs${queryText({ waitMs: waitMs || undefined })}`;
    return this.#ask({
      method: "POST",
      path,
      body: JSON.stringify(body),
      timeoutMs: waitMs + 15_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  async #startAndWait(workflow: string, input: unknown, options: StartOptions): Promise<RunAnswer> {
    const answer = await this.#start(workflow, input, {
      ...options,
      waitMs: options.waitMs ?? longestWaitMs,
    });
    return isEnd(answer) ? answer : this.#wait(answer.run, options.signal);
  }

  async #wait(run: string, signal?: AbortSignal): Promise<RunAnswer> {
    for (;;) {
      const answer: RunAnswer = await this.#ask({
        method: "GET",
        path: `/v1/runs/${encodeURIComponent(run)}/wait${queryText({ waitMs: longestWaitMs })}`,
        timeoutMs: longestWaitMs + 15_000,
        ...(signal === undefined ? {} : { signal }),
      });
      if (isEnd(answer) || signal?.aborted === true) return answer;
    }
  }

  #cancel(run: string, options: { readonly reason?: string; readonly input?: string }): Promise<RunAnswer> {
    const body: CancelBody = {
      input: options.input ?? newInputId(this.#transport),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    };
    return this.#post(`/v1/runs/${encodeURIComponent(run)}/cancel`, body);
  }

  async *#all(query: ListRuns): AsyncIterable<RunSummary> {
    let cursor = query.cursor;
    do {
      const page = await this.runs.list({ ...query, ...(cursor === undefined ? {} : { cursor }) });
      yield* page.runs;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  async *#stream({ after, ...query }: StreamQuery, options: StreamOptions): AsyncIterable<StreamItem> {
    const path = `/v1/telemetry/stream${queryText({ ...query })}`;
    const from = after === undefined ? {} : { after };
    const giveUpAfterMs = this.#retryForMs;
    const following = { transport: this.#transport, path, giveUpAfterMs, ...from, ...options };
    for await (const message of followStream<unknown>(following)) {
      const item = streamItem(message);
      if (item !== undefined) yield item;
    }
  }

  #follow<T>(path: string, options: FollowOptions): AsyncIterable<Followed<T>> {
    return followStream<T>({ transport: this.#transport, path, ...options });
  }

  #get<T>(path: string): Promise<T> {
    return this.#ask({ method: "GET", path });
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return this.#ask({ method: "POST", path, body: JSON.stringify(body) });
  }

  #ask<T>(request: TransportRequest): Promise<T> {
    return exchange<T>(this.#transport, request, this.#retryForMs);
  }
}

/** Thousands of histories are read, packed and let go of before the answer comes. */
const archiveWithinMs = 300_000;

/** A run that `parked` waits for a person: whoever awaits it should hear of it. */
export function isEnd(answer: { readonly status: string }): boolean {
  return answer.status !== "running";
}

async function startBody(
  transport: Transport,
  of: { workflow: string; input: unknown; options: StartOptions },
): Promise<StartRunBody> {
  const { workflow, input, options } = of;
  const { key, tenant, version, labels, timeoutMs } = options;
  const run =
    options.run ?? (key === undefined ? newRunId(transport) : await runIdOfKey(transport, { key, tenant }));
  return {
    run,
    workflow,
    ...(input === undefined ? {} : { input: toJson(input) }),
    ...(version === undefined ? {} : { version }),
    ...(labels === undefined ? {} : { labels }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
