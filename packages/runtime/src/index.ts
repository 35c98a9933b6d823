export type { FromSupervisor, ReloadReport, RunnerNote, SupervisorConfig, ToSupervisor } from "./channel/supervisor-messages.ts";
export { type Channel, openChannel } from "./channel/frames.ts";
export { parseFromSupervisor } from "./channel/parse-messages.ts";
export type { Call, CallEnd } from "./channel/runner-messages.ts";
export type { CallLost, Runner, RunnerEvents, StartRunner } from "./worker/runner-port.ts";
export { Worker, type WorkerOptions, workerLimits } from "./worker/worker.ts";
export { loadProject, codeHash } from "./runner/load.ts";
export { loadProblem } from "./runner/problem.ts";

/** The file that a supervisor process starts on. */
export const supervisorEntry: string = new URL(
  import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js",
  import.meta.url,
).pathname;
