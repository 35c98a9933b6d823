/** What the server writes, read with care: answers of JetStream's API, acknowledgement subjects, headers. */
import { isSubject, type Subject } from "@agentflow/protocol";
import type { Msg } from "@nats-io/transport-node";
import type { LogEntry } from "../port/index.ts";
import type { ApiError } from "./errors.ts";

type Json = { readonly [key: string]: unknown };

export type Answered =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: ApiError };

export type Stored =
  | { readonly ok: true; readonly sequence: number }
  | { readonly ok: false; readonly error: ApiError };

/** A message as a stream keeps it. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly data: Uint8Array;
  readonly header: (name: string) => string;
}

/** What the reply subject of a delivered message says. */
export interface AckInfo {
  /** How often it was handed out, this time included. */
  readonly delivered: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
  readonly atMs: number;
  readonly pending: number;
}

export function text(data: Uint8Array): string {
  // Not TextDecoder: it would take a byte order mark away.
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8");
}

export function parseApi(answer: Msg): Answered {
  const value = record(json(text(answer.data)));
  const error = value["error"];
  return error === undefined ? { ok: true, value } : { ok: false, error: apiError(record(error)) };
}

export function parseStored(answer: Msg): Stored {
  const parsed = parseApi(answer);
  return parsed.ok ? { ok: true, sequence: number(parsed.value["seq"]) } : parsed;
}

export function parseAck(reply: string): AckInfo {
  const tokens = reply.split(".");
  // $JS.ACK.<stream>.<consumer>.…, or with domain and account hash before the stream (and a token behind).
  const at = tokens.length >= 11 ? 6 : 4;
  const part = (offset: number): number => Number(tokens[at + offset] ?? 0);
  return {
    delivered: part(0),
    streamSequence: part(1),
    consumerSequence: part(2),
    // Nanoseconds are beyond what a number holds: the last six digits go before it becomes one.
    atMs: Number((tokens[at + 3] ?? "0").slice(0, -6)),
    pending: part(4),
  };
}

/** A message that a direct get answered with. */
export function parseDirect(answer: Msg): StoredMessage {
  const header = (name: string): string => answer.headers?.get(name) ?? "";
  return {
    subject: header("Nats-Subject"),
    sequence: Number(header("Nats-Sequence")),
    atMs: Date.parse(header("Nats-Time-Stamp")),
    data: answer.data,
    header,
  };
}

/** A message that the stream's leader answered with: its parts stand in base64. */
export function parseLeader(value: Json): StoredMessage {
  const message = record(value["message"]);
  const lines = Buffer.from(string(message["hdrs"] ?? ""), "base64").toString("latin1");
  return {
    subject: string(message["subject"]),
    sequence: number(message["seq"]),
    atMs: Date.parse(string(message["time"])),
    data: Buffer.from(string(message["data"] ?? ""), "base64"),
    header: (name) => new RegExp(`^${name}: ?(.*)$`, "im").exec(lines)?.[1]?.trim() ?? "",
  };
}

/** One of our entries; undefined for a subject that is none of ours. */
export function toEntry(message: StoredMessage, revision: number): LogEntry | undefined {
  const { subject, atMs, data } = message;
  return isSubject(subject) ? { subject, revision, body: text(data), atMs } : undefined;
}

export function parseSubject(subject: string): Subject | undefined {
  return isSubject(subject) ? subject : undefined;
}

export interface StreamFacts {
  readonly metadata: Json;
  readonly replicas: number;
  /** Subjects with their number of messages, where they were asked for. */
  readonly bySubject: Json;
  /** Of the newest message that was ever stored, be it there or not. */
  readonly lastSequence: number;
  readonly messages: number;
  readonly bytes: number;
}

export function parseStreamInfo(value: Json): StreamFacts {
  const [config, state] = [record(value["config"]), record(value["state"])];
  return {
    metadata: record(config["metadata"] ?? {}),
    replicas: number(config["num_replicas"] ?? 1),
    bySubject: record(state["subjects"] ?? {}),
    lastSequence: number(state["last_seq"] ?? 0),
    messages: number(state["messages"] ?? 0),
    bytes: number(state["bytes"] ?? 0),
  };
}

/** What an owner wrote down of the installation; undefined for what is no layout of ours. */
export function parseLayout(body: string): { lanes: number; replicas: number } | undefined {
  const value = record(json(body));
  const { lanes, replicas } = value;
  if (value["kind"] !== "layout" || typeof lanes !== "number" || typeof replicas !== "number")
    return undefined;
  return { lanes, replicas };
}

export interface ConsumerFacts {
  readonly name: string;
  readonly filter: string;
  readonly ackWaitMs: number;
  readonly waiting: number;
  readonly leased: number;
  /** Stands for the consumer's life: another one under its name has another. */
  readonly created: string;
}

export function parseConsumerInfo(value: Json): ConsumerFacts {
  const config = record(value["config"]);
  return {
    name: string(value["name"] ?? ""),
    filter: string(config["filter_subject"] ?? ""),
    ackWaitMs: number(config["ack_wait"] ?? 0) / 1e6,
    waiting: number(value["num_pending"] ?? 0),
    leased: number(value["num_ack_pending"] ?? 0),
    created: string(value["created"] ?? ""),
  };
}

export function parseConsumerPage(value: Json): { consumers: readonly ConsumerFacts[]; total: number } {
  const list = Array.isArray(value["consumers"]) ? value["consumers"] : [];
  return { consumers: list.map((one) => parseConsumerInfo(record(one))), total: number(value["total"] ?? 0) };
}

/** The error of the monitor's `/healthz`. */
export function parseIllness(value: unknown): string | undefined {
  const { error } = record(value);
  return typeof error === "string" && error !== "" ? error : undefined;
}

/** `sync_always` and `sync_interval` of a server's monitor, as far as it says them. */
export function parseSync(body: unknown): { always: boolean; intervalMs: number | undefined } {
  const config = record(record(body)["config"] ?? {});
  const interval = config["sync_interval"];
  return {
    always: config["sync_always"] === true,
    intervalMs: typeof interval === "number" ? interval / 1e6 : undefined,
  };
}

export function json(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

export function record(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function apiError(error: Json): ApiError {
  return {
    code: number(error["code"] ?? 500),
    number: number(error["err_code"] ?? 0),
    description: string(error["description"] ?? "an error without a description"),
  };
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

export function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A page of the subjects of a stream; `total` counts those of all pages. */
export function parseSubjects(value: Json | undefined): {
  readonly subjects: readonly Subject[];
  readonly seen: number;
  readonly total: number;
} {
  const state = value?.["state"];
  const found = typeof state === "object" && state !== null && "subjects" in state ? state.subjects : {};
  const names = typeof found === "object" && found !== null ? Object.keys(found) : [];
  const total = value?.["total"];
  return {
    subjects: names.filter((name) => isSubject(name)),
    seen: names.length,
    total: typeof total === "number" ? total : names.length,
  };
}
