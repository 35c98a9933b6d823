/**
 * What a process needs that starts a supervisor and talks to it: light, so that it costs nothing at start-up.
 */
export { type Channel, openChannel } from "./channel/frames.ts";
export { parseFromSupervisor } from "./channel/parse-messages.ts";
export type {
  FromSupervisor,
  Loaded,
  ReloadReport,
  RunnerNote,
  SupervisorConfig,
  ToSupervisor,
} from "./channel/supervisor-messages.ts";
export { supervisorEntry } from "./entries.ts";
