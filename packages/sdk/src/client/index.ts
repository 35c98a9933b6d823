export type { Approvals, ListApprovals } from "./approvals.ts";
export type { BusClient, ListDead, PeekBus, TailBus } from "./bus.ts";
export {
  Client,
  type ListRuns,
  type StartOptions,
  isEnd,
} from "./client.ts";
export type { FollowOptions, LiveOptions } from "./follow.ts";
export type { LiveItem } from "./live-track.ts";
export type { Followed, StreamItem } from "./parse-answer.ts";
export type {
  AuditItem,
  AuditPage,
  AuditQuery,
  JournalQuery,
  KeyView,
  NewKey,
  StreamOptions,
  StreamQuery,
  TailItem,
  TelemetryQuery,
  TelemetryRecord,
} from "./queries.ts";
export { createClient } from "./node.ts";
export type { Session, SessionFollowOptions, SessionStart } from "./session.ts";
export type { ClientOptions } from "./transport.ts";
