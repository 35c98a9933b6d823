/**
 * The SDK's socket, `GET /v1/socket` upgraded to a WebSocket: many runs a frame. Each frame is a JSON array
 * of messages, each message an array whose first item says what it is. Both sides write once a turn.
 */
import type { ErrorBody } from "../errors.ts";
import type { JournalView, LiveView, RunAnswer, RunEventView, StartRunBody } from "./runs.ts";

/** Client to server. `id` is the client's number for the exchange, answered under the same. */
export type ClientMessage =
  | readonly ["start", id: number, body: StartRunBody, waitMs: number]
  | readonly ["wait", id: number, run: string, waitMs: number]
  | readonly ["follow", id: number, run: string, after: string, options?: { readonly live?: true }]
  | readonly ["unfollow", id: number];

/** Server to client. `end` closes a follow: the run has ended and every event was sent. */
export type ServerMessage =
  | readonly ["answer", id: number, answer: RunAnswer]
  | readonly ["error", id: number, error: ErrorBody]
  | readonly ["event", id: number, event: RunEventView, cursor: string]
  /** Only where `live` was asked for; journal records come between events, in the order of the log. */
  | readonly ["journal", id: number, record: JournalView, cursor: string]
  | readonly ["live", id: number, live: LiveView]
  | readonly ["end", id: number];

export const socketLimits = {
  frameBytesMax: 4 * 1024 * 1024,
  messagesPerFrameMax: 1_000,
  inFlightMax: 10_000,
} as const;
