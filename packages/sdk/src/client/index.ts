export {
  Client,
  type FollowOptions,
  type KeyView,
  type ListRuns,
  type NewKey,
  type StartOptions,
  type StreamOptions,
  type StreamQuery,
  type TelemetryQuery,
  type TelemetryRecord,
  isEnd,
} from "./client.ts";
export type { Followed, StreamItem } from "./parse-answer.ts";
export { createClient } from "./node.ts";
export type { Session, SessionStart } from "./session.ts";
export type { ClientOptions } from "./transport.ts";
