export { type Channel, openChannel } from "./channel/frames.ts";
export { parseFromSupervisor } from "./channel/parse-messages.ts";
export type { ModelCall, ResolvedModel } from "./channel/model-messages.ts";
export type { Call, CallEnd } from "./channel/runner-messages.ts";
export type {
  BusAddress,
  FromSupervisor,
  Loaded,
  ReloadReport,
  RunnerNote,
  SupervisorConfig,
  ToSupervisor,
  WorkerConfig,
} from "./channel/supervisor-messages.ts";
export { type FillIn, fillInBy } from "./agent/start-messages.ts";
export { runnerEntry, runnerEnvironment, supervisorEntry } from "./entries.ts";
export { codeHash } from "./runner/code-hash.ts";
export { type LoadedProject, loadProject } from "./runner/load.ts";
export { type Calls, createCalls } from "./runner/calls.ts";
export { loadProblem } from "./runner/problem.ts";
export { loadOnce } from "./worker/load-once.ts";
export type { CallLost, OnParts, Runner, RunnerEvents, StartRunner } from "./worker/runner-port.ts";
export { startRunnerProcess } from "./worker/runner-process.ts";
export { makeWorker, type WorkerParts } from "./worker/make-worker.ts";
export { workerLimits } from "./worker/limits.ts";
export type { SecretSource } from "./worker/secrets.ts";
export { Worker } from "./worker/worker.ts";
export type { WorkerOptions } from "./worker/worker-options.ts";
