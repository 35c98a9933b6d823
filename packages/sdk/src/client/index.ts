export {
  Client,
  type FollowOptions,
  type ListRuns,
  type StartOptions,
  type TelemetryQuery,
  isEnd,
} from "./client.ts";
export { createClient } from "./node.ts";
export type { Session, SessionStart } from "./session.ts";
export type { ClientOptions } from "./transport.ts";
