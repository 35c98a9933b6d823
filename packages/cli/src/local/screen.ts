/** What `af dev` says: lines for people, or one JSON object a line. */
import type {
  AgentFlowError,
  Finding,
  InstallationStatus,
  LogRecord,
  Manifest,
  RunEventView,
} from "@agentflow/protocol";
import type { ReloadReport } from "@agentflow/runtime";
import type { DevFile } from "./paths.ts";

export interface DevScreen {
  ready(facts: ReadyFacts): void;
  /** What the workers' containers wait for: an image that is made, a container that starts. */
  preparing(text: string): void;
  /** Other dependencies: a new image serves, or why the one before goes on. */
  rebuilt(facts: RebuiltFacts): void;
  joined(other: DevFile): void;
  otherEnded(other: DevFile): void;
  registered(files: readonly string[], workflows: readonly string[], ms: number): void;
  reloaded(report: ReloadReport, files: readonly string[], workflows: readonly string[]): void;
  broken(report: ReloadReport, files: readonly string[], oldServes: boolean): void;
  /** Secrets were set, or `.env` was saved: what starts from now on gets the new values. */
  secretsRead(change: SecretsChange): void;
  restarted(reason: string): void;
  notStarted(error: AgentFlowError, retryMs: number): void;
  inspecting(url: string): void;
  findings(findings: readonly Finding[]): void;
  failed(error: AgentFlowError): void;
  runStarted(run: string, workflow: string): void;
  runEnded(end: RunEnd): void;
  attemptLost(run: string, event: RunEventView["event"]): void;
  /** Instead of a line a run, when they are too many: what happened in the last second. */
  runCounts(counts: RunCounts): void;
  logs(records: readonly LogRecord[]): void;
  ownLog(line: string): void;
  toggleLogs(): void;
  /** Workflows whose file is gone. */
  removed(workflows: readonly string[]): void;
  status(status: InstallationStatus): void;
  stopping(withinMs: number): void;
  stopped(facts: { readonly left: number; readonly running: number }): void;
}

/** Never a value. */
export interface SecretsChange {
  readonly files: readonly string[];
  /** Secrets that have a value now. */
  readonly names: readonly string[];
  readonly faults: readonly string[];
}

export interface ReadyFacts {
  readonly url: string;
  readonly readyMs: number;
  readonly loadMs: number;
  readonly workflows: readonly string[];
  readonly manifest: Manifest;
  /** Where its runs are kept: a folder of the project, or the address of a bus elsewhere. */
  readonly state: string;
  readonly durability: string;
  /** Where the workers are, when that is not here. */
  readonly workers?: string;
  /** Runs of before that go on now. */
  readonly resumed: number;
}

export interface RebuiltFacts {
  readonly files: readonly string[];
  readonly ms: number;
  readonly error?: AgentFlowError;
}

export interface RunEnd {
  readonly run: string;
  readonly event: RunEventView["event"];
  readonly workflow: string | undefined;
  readonly tookMs: number | undefined;
}

export interface RunCounts {
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export interface ScreenOptions {
  readonly json: boolean;
  readonly logs: boolean;
  readonly debug: boolean;
  readonly write: (line: string) => void;
}
