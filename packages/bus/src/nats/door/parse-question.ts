/** What a worker asks an owner for, since a server's permissions cannot be narrow enough to let it itself. */
import { isSubject, type Subject } from "@agentflow/protocol";
import type { LogEntry, Put, Revision, Row } from "../../port/index.ts";
import { type ConsumerFacts, json, parseConsumerInfo, record } from "../parse-answers.ts";

type Json = { readonly [key: string]: unknown };

export type Question =
  /** Who may make a consumer may name any filter. */
  | { readonly kind: "consumer"; readonly subject: Subject }
  /** Who may write a row may, by a header, take all others away. */
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: string;
      readonly expect: Revision | "any";
    }
  | { readonly kind: "delete"; readonly key: string; readonly expect: Revision | "any" }
  /** Who may read a log's history may read everybody's: the subject stands in the body. */
  | {
      readonly kind: "read";
      readonly subject: Subject;
      readonly after: Revision;
      readonly limit: number;
    };

export function writeQuestion(question: Question): string {
  return JSON.stringify({ v: 1, ...question });
}

/** Undefined for what is no question of this version. */
export function parseQuestion(body: string): Question | undefined {
  const value = record(json(body));
  const { v, kind, subject, key, expect } = value;
  if (v !== 1) return undefined;
  if (kind === "consumer" && isText(subject) && isSubject(subject)) return { kind, subject };
  if (kind === "read" && isText(subject) && isSubject(subject)) {
    return { kind, subject, after: whole(value["after"]), limit: whole(value["limit"]) };
  }
  const stands = expect === "any" ? expect : whole(expect);
  if (kind === "delete" && isText(key)) return { kind, key, expect: stands };
  if (kind === "put" && isText(key) && isText(value["value"])) {
    return { kind, key, value: value["value"], expect: stands };
  }
  return undefined;
}

export function writeConsumer({ name, filter, ackWaitMs, created }: ConsumerFacts): string {
  return JSON.stringify({
    name,
    created,
    config: { filter_subject: filter, ack_wait: ackWaitMs * 1e6 },
  });
}

export function parseConsumer(body: string): ConsumerFacts {
  return parseConsumerInfo(record(json(body)));
}

export function parsePut(body: string): Put {
  const value = record(json(body));
  if (value["ok"] === true) return { ok: true, revision: whole(value["revision"]) };
  const row = value["row"] === undefined ? undefined : parseRow(record(value["row"]));
  return { ok: false, reason: "wrong_revision", row };
}

/** A page of records, and whether more are there. */
export function writePage(entries: readonly LogEntry[], hasMore: boolean): string {
  return JSON.stringify({ entries, hasMore });
}

export function parsePage(body: string): { entries: LogEntry[]; hasMore: boolean } {
  const value = record(json(body));
  const entries = Array.isArray(value["entries"]) ? value["entries"] : [];
  return { entries: entries.flatMap((one) => parseEntry(record(one))), hasMore: value["hasMore"] === true };
}

function parseEntry({ subject, revision, body, atMs }: Json): LogEntry[] {
  if (!isText(subject) || !isSubject(subject) || !isText(body)) return [];
  return [{ subject, revision: whole(revision), body, atMs: whole(atMs) }];
}

function parseRow({ key, value, revision }: Json): Row | undefined {
  return isText(key) && isText(value) ? { key, value, revision: whole(revision) } : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function whole(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
