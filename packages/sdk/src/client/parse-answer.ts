/** Where text from the API becomes a value: its shape is the server's promise, in the protocol's types. */
import {
  AgentFlowError,
  type BusTailItem,
  type ErrorBody,
  type Json,
  type JournalView,
  type LiveView,
  type RunEventView,
  type ServerMessage,
  type TelemetryPage,
  inputText,
} from "@agentflow/protocol";

import type { LiveItem, LiveTrack } from "./live-track.ts";
import type { TailItem } from "./queries.ts";

/** A message of a stream with the cursor that resumes behind it. */
export interface Followed<T> {
  /** What kind of message it is, e.g. `event` or `record`. */
  readonly event: string;
  readonly value: T;
  readonly cursor: string | undefined;
}

export type Envelope<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly error: ErrorBody };

/** Refuses what is no envelope: some proxy answered, not the API. */
export function parseEnvelope<T>(text: string, status: number): Envelope<T> {
  const value = parsed(text);
  if (typeof value === "object" && value !== null && "ok" in value) {
    if ("v" in value && typeof value.v === "number" && value.v > 1) throw newerAnswer(value.v);
    if (value.ok === true) return value as Envelope<T>;
    if (value.ok === false && "error" in value && typeof value.error === "object")
      return value as Envelope<T>;
  }
  const code = status >= 500 ? "unavailable" : "internal";
  throw new AgentFlowError(code, `an answer with status ${status} is not one of this API`, {
    reason: "foreign_answer",
  });
}

function newerAnswer(found: number): AgentFlowError {
  const text = `the installation answers in version ${found}, this client knows 1`;
  return new AgentFlowError("refused", text, {
    reason: "answer_newer",
    details: { found, known: 1 },
    suggestions: ["use the client of the installation's release"],
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function parseMessages(text: string): readonly ServerMessage[] {
  return JSON.parse(text) as readonly ServerMessage[];
}

export function parseFollowed<T>(
  of: { event: string; data: string },
  cursor: string | undefined,
): Followed<T> {
  return { event: of.event, value: JSON.parse(of.data) as T, cursor };
}

/** One message of a log of everything. */
export type StreamItem =
  | {
      readonly kind: "record";
      readonly record: TelemetryPage["records"][number];
      readonly cursor: string | undefined;
    }
  | {
      readonly kind: "records";
      readonly records: TelemetryPage["records"];
      readonly cursor: string | undefined;
    }
  | { readonly kind: "event"; readonly event: RunEventView; readonly cursor: string | undefined }
  /** Records that were lost before they reached the stream. */
  | { readonly kind: "dropped"; readonly count: number };

/** Undefined for a kind that this build does not know. */
export function streamItem({ event, value, cursor }: Followed<unknown>): StreamItem | undefined {
  if (event === "record")
    return { kind: "record", record: value as TelemetryPage["records"][number], cursor };
  if (event === "records") return { kind: "records", records: value as TelemetryPage["records"], cursor };
  if (event === "event") return { kind: "event", event: value as RunEventView, cursor };
  return event === "dropped" ? { kind: "dropped", count: (value as { count: number }).count } : undefined;
}

/** Undefined for a kind that this build does not know. */
export function busTailItem({ event, value }: Followed<unknown>): TailItem | undefined {
  if (event === "item") return { event, item: value as BusTailItem };
  return event === "missed" ? { event, count: (value as { count: number }).count } : undefined;
}

/** Undefined for a kind that this build does not know. */
export function liveItems({ event, value, cursor }: Followed<unknown>, track: LiveTrack): LiveItem[] {
  if (event === "event") return track.event(value as RunEventView, cursor);
  if (event === "journal") return track.journal(value as JournalView, cursor);
  return event === "live" ? track.live(value as LiveView) : [];
}

export function parseErrorBody(text: string): ErrorBody {
  return JSON.parse(text) as ErrorBody;
}

/** What JSON makes of an input: dates become text, methods and undefined vanish. */
export function toJson(value: unknown): Json {
  return JSON.parse(inputText(value)) as Json;
}

/** Bytes as Node's streams give them when nobody asked for text. */
export function toBuffer(chunk: unknown): Buffer {
  return chunk as Buffer;
}

export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
