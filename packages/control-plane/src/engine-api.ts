/**
 * The engine of a control plane: everything behind the API. `startEngine` composes the parts; the API and the
 * command line's local mode talk to the `Engine` interface and to nothing below it.
 */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log, Secrets } from "@agentflow/host/log";
import type {
  AgentFlowError,
  ApprovalPage,
  ApprovalView,
  BuildId,
  BuildList,
  BusCheck,
  CallableView,
  DecideBody,
  EventPage,
  InputAnswer,
  InstallationStatus,
  InstallationTop,
  JournalPage,
  JournalView,
  LiveView,
  LogLevel,
  LogRecord,
  LogSource,
  Plan,
  PoolDepth,
  PoolName,
  RegisterBody,
  ResolveBody,
  RunAnswer,
  RunEventView,
  RunId,
  RunInput,
  RunPage,
  RunStatus,
  RunView,
  Shard,
  SpanRecord,
  StartRunBody,
  TelemetryBatch,
  TelemetryPage,
  TenantId,
  UsageAnswer,
  UsageGroup,
  WhyAnswer,
  WorkerView,
  WorkflowName,
  WorkflowSummary,
  WorkflowView,
} from "@agentflow/protocol";
import type { EngineConfig } from "./engine-config.ts";
import type { BusView } from "./insight/bus-view.ts";
import type { Mismatch } from "./orchestrator/router.ts";
import type { LeaseStanding } from "./orchestrator/shards/presence.ts";
import type { ArchiveNow } from "./projector/archive.ts";
import type { OnRefusedCall } from "./projector/refused-calls.ts";
import type { Retention } from "./projector/archive-pass.ts";
import type { JournalQuery } from "./projector/journals.ts";
import type { Metrics } from "@agentflow/host/metrics";

export interface EngineOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  /** A registry that no other engine has used: the names are taken once. */
  readonly metrics: Metrics;
  /** This control plane's own name: the owner of its shards, and the source of its telemetry. */
  readonly node: string;
  /**
   * `all` (the default): this is the only control plane of its bus. `leases`: it shares the shards with any
   * number of others, each under a name of its own.
   */
  readonly ownership?: "all" | "leases";
  /** The release that runs: shown by `status`. */
  readonly version: string;
  readonly tenantDefaults: TenantDefaults;
  /** The folder of `read.db`, made when missing; ":memory:" keeps the read model in this thread's memory. */
  readonly readModelDir: string;
  /**
   * Where the installation that is served here is remembered. Of one of several control planes: while the bus
   * holds another installation, or none, nothing is served (see `Engine.trouble`).
   */
  readonly installationFile?: string;
  readonly config?: Partial<EngineConfig>;
  /** Told of each input that was refused because it spoke of another tenant than the subject it came on. */
  readonly onMismatch?: (of: Mismatch) => void;
  /** What is known to be secret in this process: hidden in the telemetry that is kept here. */
  readonly hidden?: Secrets;
  /** Told of each call that an agent asked for and may not have, once, by the owner of its shard. */
  readonly onRefusedCall?: OnRefusedCall;
}

/** What holds for a tenant that has said nothing of its own. */
export interface TenantDefaults {
  /** The build of new runs whose workflow was registered without one. */
  readonly build: BuildId;
}

/**
 * Methods that answer by promise reject with `AgentFlowError` only. A run of another tenant is `not_found`.
 * After `drain` or `stop` has begun, whatever would start work is `unavailable`.
 */
export interface Engine {
  readonly runs: EngineRuns;
  readonly people: EnginePeople;
  readonly registry: EngineRegistry;
  readonly telemetry: EngineTelemetry;
  /** What lies on the bus and comes over it, for people who look for a fault. */
  readonly bus: BusView;
  /** Of the whole installation, or with `tenant` of what is that tenant's own. */
  status(of?: { readonly tenant?: TenantId }): Promise<InstallationStatus>;
  /** What goes on now, counted while somebody asks: of the whole installation, or of one tenant's own. */
  top(of?: { readonly tenant?: TenantId }): Promise<InstallationTop>;
  /** Builds with their open runs and workers: of the whole installation, or of one tenant. */
  builds(of?: { readonly tenant?: TenantId; readonly minRevision?: number }): Promise<BuildList>;
  /** How much work there is for a pool's workers, counted over all control planes and tenants. */
  poolDepth(of: { readonly pool: PoolName; readonly build?: BuildId }): Promise<PoolDepth>;
  /** Why nothing is served now (`installation_lost`); undefined while all is well. */
  readonly trouble: AgentFlowError | undefined;
  /** Whether this control plane may hold shards now; see `EngineOptions.ownership`. */
  readonly lease: LeaseStanding;
  /** Writes a row to the bus, reads it back and takes it away; rejects with why that did not work. */
  checkBus(): Promise<BusCheck>;
  /** In how many lanes its log is kept. */
  readonly lanes: number;
  /** The shards that it serves now. */
  readonly shards: readonly Shard[];
  /** Resolves once the read model has what the log had at the call. */
  caughtUp(): Promise<void>;
  /**
   * Resolves while the shards are owned and served here, or none falls to this one of several; else
   * `unavailable` with the reason.
   */
  ownsShards(): Promise<void>;
  /**
   * Moves ended runs that are over age or number into archives, removes archives that are over age, takes up
   * what an earlier call left half done; resolves with how many runs were moved. Of several control planes
   * the owner of shard 00 does it, and the others learn what it did.
   */
  retain(retention: Retention): Promise<number>;
  /**
   * Moves ended runs into archives now, some thousands a call, whatever the bounds of `retain` are; resolves
   * with how many were moved, 0 once there is none left. Nothing leaves the archives by it. `refused`
   * (archives_elsewhere) where another control plane archives.
   */
  archive(which: ArchiveNow): Promise<number>;
  /** Tells what comes of all tenants from now on, until the returned function is called. */
  observe(observer: EngineObserver): () => void;
  /** Refuses new work; resolves once appends in flight are acknowledged and what they led to is handed on. */
  drain(): Promise<void>;
  /** Drains, flushes the read model, writes the watermark and stops serving. Again: the same promise. */
  stop(): Promise<void>;
}

/** Both are called while the log is read: they must be quick and must not throw. */
export interface EngineObserver {
  onSpan?(tenant: string, span: SpanRecord): void;
  onRunEnd?(tenant: TenantId, run: RunId): void;
}

export interface EngineRuns {
  /** One input for one run, answered once it is durable; goes to the shard's owner wherever that is. */
  submit(tenant: TenantId, run: RunId, input: RunInput): Promise<InputAnswer>;
  /**
   * Starts a run and, with `waitMs` above 0, waits so long for its end. The same id with the same body
   * again is
   * answered as the first was (`repeated`), with another body it is `conflict`.
   */
  start(tenant: TenantId, body: StartRunBody, options: WaitOptions): Promise<RunAnswer>;
  /**
   * As `start`, for the runs of one frame: no promise a run. The returned function forgets those
   * unanswered.
   */
  startMany(tenant: TenantId, starts: readonly StartOne[], answer: AnswerEach): () => void;
  /** Waits for the end of a run; when `waitMs` is over, the answer says how it stands. */
  wait(tenant: TenantId, run: RunId, options: WaitOptions): Promise<RunAnswer>;
  /** As `wait`, by callback. The returned function forgets the wait. */
  waitEach(tenant: TenantId, run: RunId, waitMs: number, answer: AnswerOne): () => void;
  cancel(tenant: TenantId, run: RunId, body: CancelRequest): Promise<InputAnswer>;
  resolve(tenant: TenantId, run: RunId, body: ResolveBody & { readonly by?: string }): Promise<InputAnswer>;
  get(tenant: TenantId, run: RunId): Promise<RunView>;
  why(tenant: TenantId, run: RunId): Promise<WhyAnswer>;
  /** The plan that the run walks. */
  plan(tenant: TenantId, run: RunId): Promise<Plan>;
  list(tenant: TenantId, filter: RunFilter): Promise<RunPage>;
  /** Events behind the cursor (all when it is empty), oldest first. */
  events(
    tenant: TenantId,
    run: RunId,
    options: { readonly after?: string; readonly limit?: number },
  ): Promise<EventPage>;
  /** Records of the journals of its agent steps behind the cursor, in the order of the log. */
  journal(tenant: TenantId, run: RunId, query: JournalQuery): Promise<JournalPage>;
  /**
   * Each event of the named runs once, in order, first what is stored behind `after`, then what comes;
   * resolves
   * when the signal aborts, or when all named runs have ended and every event was sent. `runs: "all"` follows
   * the tenant, from now on unless `after` says from where.
   */
  follow(tenant: TenantId, options: FollowRuns): Promise<void>;
}

/** What people are asked, and what runs use up. One of another tenant is `not_found`. */
export interface EnginePeople {
  /** Newest first, from the read model. */
  approvals(tenant: TenantId, filter: ApprovalFilter): Promise<ApprovalPage>;
  approval(tenant: TenantId, approval: string): Promise<ApprovalView>;
  /** `refused` when another hash is meant than what stands there, or when it was decided before. */
  decide(tenant: TenantId, approval: string, body: DecideRequest): Promise<ApprovalView>;
  usage(tenant: TenantId, filter: UsageFilter): Promise<UsageAnswer>;
}

export interface ApprovalFilter {
  /** Statuses with commas between them; `decided` for all that are not open. */
  readonly status?: string;
  readonly run?: string;
  /** 50 when left out, 200 at most. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface DecideRequest extends DecideBody {
  readonly by?: string;
}

export interface UsageFilter {
  readonly by: UsageGroup;
  /** Used up at or after, RFC 3339. */
  readonly since?: string;
}

export interface WaitOptions {
  readonly waitMs: number;
  /** Gives up waiting, never the run. */
  readonly signal?: AbortSignal;
}

export interface StartOne {
  readonly body: StartRunBody;
  readonly waitMs: number;
}

/** `index` is the start's place in the frame. */
export type AnswerEach = (index: number, answer: RunAnswer | AgentFlowError) => void;
export type AnswerOne = (answer: RunAnswer | AgentFlowError) => void;

export interface CancelRequest {
  /** The input id, made by the client once. */
  readonly input: string;
  readonly reason?: string;
  readonly by?: string;
}

export interface RunFilter {
  readonly status?: readonly RunStatus[];
  readonly workflow?: string;
  /** All of these must match; at most 8. */
  readonly labels?: { readonly [key: string]: string };
  /** Started at or after, RFC 3339. */
  readonly since?: string;
  /** Started before, RFC 3339. */
  readonly until?: string;
  /** 50 when left out, 500 at most. */
  readonly limit?: number;
  readonly cursor?: string;
  /** Wait up to a second until the list holds at least this. */
  readonly minRevision?: number;
}

export interface FollowRuns {
  readonly runs: readonly RunId[] | "all";
  readonly after?: string;
  /** Called in order, never after the promise has settled. `cursor` resumes exactly behind this event. */
  /** `cursor` tells the place behind the event, for those who will come back to it. */
  readonly onEvent: (event: RunEventView, cursor: () => string) => void;
  readonly signal: AbortSignal;
  /** Of named runs also their journals, and what their agents tell live. */
  readonly live?: FollowLive;
}

export interface FollowLive {
  /** Between the events, in the order of the log; `cursor` as that of an event. */
  readonly onJournal: (record: JournalView, cursor: () => string) => void;
  /**
   * What is told of replies before the journal has them. For who comes late it begins with what was told of
   * replies under way. Text of a reply comes with its place: it may overlap, and there may be gaps.
   */
  readonly onLive: (live: LiveView) => void;
  /** True while the follower is behind: what is told live is left out, and made up for where it can be. */
  readonly isBehind: () => boolean;
}

export interface EngineRegistry {
  /** The same definition again changes nothing. Findings of severity error are `invalid_project`. */
  /** `project`: it is one of a project's files, which `keepOnly` may find gone later. */
  register(
    tenant: TenantId,
    body: RegisterBody,
    of?: { readonly project?: { readonly file?: string } },
  ): Promise<WorkflowView>;
  /**
   * What came from a project and is no longer in its files starts no more runs; runs in flight go on. Gives
   * the names that this call removed; registering again brings one back.
   */
  keepOnly(tenant: TenantId, files: ProjectFiles): Promise<readonly string[]>;
  /** Those that can be started; with `all` also those that were removed from their project. */
  listWorkflows(tenant: TenantId, of?: { readonly all?: boolean }): Promise<readonly WorkflowSummary[]>;
  getWorkflow(tenant: TenantId, name: WorkflowName, version?: string): Promise<WorkflowView>;
  listTools(tenant: TenantId): readonly CallableView[];
  listAgents(tenant: TenantId): readonly CallableView[];
  listWorkers(tenant: TenantId): readonly WorkerView[];
}

export interface ProjectFiles {
  /** Names of the workflows that the files hold. */
  readonly workflows: readonly string[];
  /** Files that are there but cannot be read now: what came from them stays. */
  readonly unreadable: readonly string[];
}

export interface TelemetryFilter {
  readonly kind?: "log" | "span";
  readonly run?: string;
  readonly source?: readonly LogSource[];
  /** This level and above. */
  readonly level?: LogLevel;
  readonly since?: string;
  readonly until?: string;
  /** Plain text that the message holds, letter case ignored; at most 200 characters. */
  readonly grep?: string;
  /** Regular expressions that the text must match, and must not; see `linearPattern`. */
  readonly match?: string;
  readonly exclude?: string;
  /** Lines of this agent, of this tool; of both where both are named. */
  readonly agent?: string;
  readonly tool?: string;
  /** Only of processes that another of the same name came after, the newest such of each name. */
  readonly previous?: boolean;
  readonly after?: string;
  /** 200 when left out, 1,000 at most. */
  readonly limit?: number;
  /** The newest `limit` records that match, instead of the oldest behind `after`. */
  readonly newest?: boolean;
}

export type TelemetryRecord = (LogRecord | SpanRecord) & { readonly tenant: string };

export interface EngineTelemetry {
  append(tenant: TenantId, batch: TelemetryBatch): Promise<void>;
  query(tenant: TenantId, filter: TelemetryFilter): Promise<TelemetryPage>;
  /** Records that match, first what is stored behind `after` (nothing when left out), then what comes. */
  follow(tenant: TenantId, filter: TelemetryFilter, to: TelemetryFollower): Promise<void>;
}

export interface TelemetryFollower {
  readonly onRecord?: (record: TelemetryRecord, cursor: string) => void;
  /** Records that came together, each as the JSON text of a `TelemetryRecord`. */
  readonly onLines?: (lines: readonly string[], cursor: string) => void;
  /** The place from which it follows, before anything else is told. */
  readonly onPlace?: (cursor: string) => void;
  /** One that takes less than it is given is given no more until `ready` resolves, and misses nothing. */
  readonly isBehind?: () => boolean;
  readonly ready?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** A pool of workers as the dispatcher sees it, for one tenant and build. */
export interface LaneDepth {
  readonly tenant: TenantId;
  readonly pool: PoolName;
  readonly build: BuildId;
  readonly waiting: number;
  readonly outstanding: number;
  readonly slots: number;
}
