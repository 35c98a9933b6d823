/** What a worker is made of, and what it tells of itself. */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log, Secrets } from "@agentflow/host/log";
import type {
  BuildId,
  LoadProblem,
  Manifest,
  PoolName,
  TenantId,
  WorkerId,
  WorkerUsage,
} from "@agentflow/protocol";
import type { PriceOf } from "../agent/rules.ts";
import type { FillIn } from "../agent/start-messages.ts";
import type { RunnerNote } from "../channel/supervisor-messages.ts";
import type { Sandboxes } from "../sandbox/sandboxes.ts";
import type { StartRunner } from "./runner-port.ts";
import type { SecretSource } from "./secrets.ts";
import type { CompileSelect } from "./select.ts";

export interface WorkerOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  readonly worker: WorkerId;
  readonly tenant: TenantId;
  readonly pool: PoolName;
  readonly build: BuildId;
  readonly slots: number;
  readonly leaseMs: number;
  readonly attemptTimeoutMs?: number;
  readonly agentTimeoutMs?: number;
  readonly host: string;
  readonly pid: number;
  readonly startRunner: StartRunner;
  /** Where untrusted tools are called; without them such a call is refused. */
  readonly sandboxes?: Sandboxes;
  /** What is loaded when it is first needed, where time is virtual and knows no loading. */
  readonly compileSelect?: CompileSelect;
  readonly fillIn?: FillIn;
  /** What models cost that say nothing of it themselves. */
  readonly priceOf?: PriceOf;
  /** Spans hold what models and tools were given and gave, too. */
  readonly content?: boolean;
  /** None when left out. */
  readonly secrets?: SecretSource;
  /** What may stand in nothing that leaves; nothing but what tasks are given when left out. */
  readonly hidden?: Secrets;
  readonly events?: Partial<WorkerEvents>;
  /** Told all that runs say, a line of JSON each. */
  readonly print?: (line: string) => void;
  /** The release that runs: shown to people. */
  readonly version?: string;
  /** What the processes with these ids, and this one, have used up; nothing is told when left out. */
  readonly usageOf?: (runners: readonly number[]) => WorkerUsage | undefined;
}

export interface WorkerEvents {
  ready(manifest: Manifest, ms: number): void;
  broken(problem: LoadProblem): void;
  inspecting(url: string): void;
  runner(note: RunnerNote): void;
}
