/** What `af dev` (or a service manager) and a supervisor say to each other on fd 3. */
import type { NatsOptions } from "@agentflow/bus/nats";
import type { LoadProblem, LogLevel, LogRecord, Manifest } from "@agentflow/protocol";

/** How a supervisor reaches the bus: secrets by value only where nobody else can read the channel. */
export type BusAddress =
  | { readonly kind: "embedded"; readonly socket: string; readonly token: string }
  | ({ readonly kind: "nats" } & NatsAddress);

/** What the bus on NATS needs to know of where it is and who comes. */
export type NatsAddress = Pick<NatsOptions, "servers" | "credentials" | "inboxPrefix">;

/** A worker as it is asked for. */
export interface WorkerConfig {
  readonly worker: string;
  readonly tenant: string;
  readonly pool: string;
  readonly build: string;
  readonly slots: number;
  readonly projectDir: string;
  /** Where tools may leave files; the project's folder when left out. */
  readonly filesDir?: string | undefined;
  readonly leaseMs: number;
  readonly inspectPort?: number;
  /** Spans hold what models and tools were given and gave, too. */
  readonly spanContent?: boolean;
  readonly runnerMemoryMb?: number;
  readonly attemptTimeoutMs?: number;
  readonly agentTimeoutMs?: number;
  /** Where untrusted tools are called. */
  readonly sandbox?: SandboxSettings;
}

/** Which engine or cluster sandboxes are made on, and of what. */
export interface SandboxSettings {
  /** `unix:///…` or `tcp://host:port`; none: untrusted tools are refused. */
  readonly host?: string | undefined;
  readonly certificates?: string | undefined;
  /** The newest worker image on the engine when left out. */
  readonly image?: string | undefined;
  /** `runsc` for gVisor; the engine's default when left out. */
  readonly runtime?: string | undefined;
  /** Whose leftovers are removed at its start. */
  readonly owner?: string | undefined;
  /** Namespace of a cluster: sandboxes are pods there, instead of containers of an engine. */
  readonly namespace?: string | undefined;
  /** How that cluster is reached; the one that this process runs in when left out. */
  readonly kubeconfig?: string | undefined;
  /** Name of its own pod: sandboxes go with it. */
  readonly pod?: string | undefined;
  /** Socket of a broker that holds the engine: it is asked instead of one. */
  readonly broker?: string | undefined;
}

export interface SupervisorConfig extends WorkerConfig {
  readonly bus: BusAddress;
  readonly logLevel?: LogLevel;
}

export type ToSupervisor =
  | readonly ["configure", SupervisorConfig]
  | readonly ["reload", id: number]
  | readonly ["level", LogLevel]
  /** Opens the inspector of the runner that serves now. */
  | readonly ["inspect", port: number]
  | readonly ["drain", withinMs: number];

export type FromSupervisor =
  | readonly ["ready", Loaded]
  | readonly ["broken", LoadProblem]
  | readonly ["reloaded", id: number, ReloadReport]
  | readonly ["inspecting", url: string]
  | readonly ["runner", RunnerNote]
  | readonly ["log", readonly LogRecord[]]
  | readonly ["drained", inFlight: number];

export interface Loaded {
  readonly manifest: Manifest;
  readonly ms: number;
}

/** What a reload did: new code, or the reason why the old keeps serving; and the work in flight meanwhile. */
export interface ReloadReport {
  readonly ms: number;
  readonly outcome: "loaded" | "unchanged" | "broken";
  readonly manifest?: Manifest;
  readonly problem?: LoadProblem;
  /** Calls that go on in the runner that was replaced, on the code they began with. */
  readonly onOldCode: readonly { readonly run: string; readonly step: string; readonly uses: string }[];
}

export interface RunnerNote {
  readonly pid: number;
  readonly state: "started" | "ready" | "retired" | "exited" | "killed";
  readonly reason?: string;
}
