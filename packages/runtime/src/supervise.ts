/**
 * What a process needs that starts a supervisor and talks to it: light, so that it costs nothing at start-up.
 */
export { type Channel, openChannel } from "./channel/frames.ts";
export { type Given, streamNames } from "./channel/given.ts";
export { type Line, openTunnel, type Tunnel } from "./channel/tunnel.ts";
export { parseFromSupervisor } from "./channel/parse-messages.ts";
export type {
  FromSupervisor,
  Loaded,
  ReloadReport,
  SandboxSettings,
  RunnerNote,
  SupervisorConfig,
  ToSupervisor,
} from "./channel/supervisor-messages.ts";
export { supervisorEntry } from "./entries.ts";
