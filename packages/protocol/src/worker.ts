/** What workers say of themselves: presence in Table, and the manifest of the code they loaded. */
import type { BuildId, PoolName, RunId, StepInstance, TenantId, WorkerId } from "./ids.ts";
import type { Instant, JsonSchema } from "./json.ts";
import type { AgentSpec } from "./agent.ts";
import type { ModelDefinition } from "./project.ts";
import type { SandboxPlan } from "./sandbox.ts";
import type { Effect, WorkflowDefinition } from "./workflow.ts";

/**
 * A worker's row in Table, under `worker.<tenant>.<worker>`; written each `presenceEveryMs` and on
 * change.
 */
export interface WorkerPresence {
  readonly v: 1;
  readonly kind: "worker";
  readonly worker: WorkerId;
  readonly tenant: TenantId;
  readonly pool: PoolName;
  readonly build: BuildId;
  readonly slots: number;
  readonly host: string;
  readonly pid: number;
  readonly since: Instant;
  readonly seenAt: Instant;
  readonly state: "loading" | "ready" | "broken" | "draining";
  /** Present once user code is loaded: what this worker can run. */
  readonly manifest?: Manifest;
  /** Why user code does not load; state is then `broken` and old code, if any, keeps serving. */
  readonly problem?: LoadProblem;
  readonly busy: readonly Busy[];
  /** The release it is of; left out by those that did not say. */
  readonly version?: string;
  /** Tasks it has ended since it began, whatever their outcome. */
  readonly tasksEnded?: number;
  /** What its processes have used up; left out where the system does not tell. */
  readonly usage?: WorkerUsage;
}

/** CPU time since a process began, and the memory it holds now. */
export interface ProcessUsage {
  readonly cpuMs: number;
  readonly rssBytes: number;
}

export interface WorkerUsage {
  readonly supervisor: ProcessUsage;
  readonly runners: readonly (ProcessUsage & { readonly pid: number })[];
}

export interface Busy {
  readonly run: RunId;
  readonly step: StepInstance;
  readonly attempt: number;
  readonly uses: string;
  readonly since: Instant;
}

/** A presence row older than this is of a dead worker. */
export const presenceMaxAgeMs = 10_000;
export const presenceEveryMs = 2_000;

export interface Manifest {
  readonly v: 1;
  readonly kind: "manifest";
  /** First 12 hex digits of the SHA-256 over the project's code files: tells two loads of `dev` apart. */
  readonly code: string;
  readonly tools: readonly Callable[];
  readonly agents: readonly Callable[];
  /** Workflows written in TypeScript; those in YAML are read by the CLI. */
  readonly workflows: readonly WorkflowDefinition[];
  /** `models` of agentflow.yaml, references still in them. */
  readonly models?: { readonly [name: string]: ModelDefinition };
}

/** A tool or an agent as it was declared. */
export interface Callable {
  readonly name: string;
  readonly description: string;
  readonly effect: Effect;
  readonly input?: JsonSchema;
  readonly output?: JsonSchema;
  /** Relative to the project. */
  readonly file: string;
  /** Longest one call may take, when declared. */
  readonly timeoutMs?: number;
  /** Names of the secrets that a tool's calls are given. */
  readonly secrets?: readonly string[];
  /** A person is asked before each call. */
  readonly approval?: "always";
  /** Of an untrusted tool: where its calls run, and nowhere else. */
  readonly sandbox?: SandboxPlan;
  /** Present when the agent is a model with instructions, and not a function. */
  readonly agent?: AgentSpec;
}

/** User code that does not load: where, and what to do. */
export interface LoadProblem {
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The source line and a caret below the column. */
  readonly frame?: string;
  readonly hint?: string;
}
