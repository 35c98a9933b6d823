/** Streams, subjects and consumers by name: what our names look like where NATS keeps them. */
import { createHash } from "node:crypto";
import type { StreamName, Subject } from "@agentflow/protocol";

export const streamNames = {
  task: "AF_TASK",
  dead: "AF_DEAD",
  tele: "AF_TELE",
  audit: "AF_AUDIT",
  table: "KV_AF_TABLE",
  blob: "AF_BLOB",
} as const;

/** The record that is lost with the tasks, if they are: its body is the queue's epoch. */
export const epochSubject = "af.epoch.task";

/** What an installation looks like, as its owner says it to workers: beside the table, no row of it. */
export const layoutSubject = "af.layout";

/** Where a worker asks an owner for what it may not do itself. */
export function askSubject(tenant: string): string {
  return `af.ask.${tenant}`;
}

/** On an answer that is an error. */
export const errorHeader = "Af-Error";

const inbox = /^_[A-Z_]+\.[A-Za-z0-9_.-]+$/;

/**
 * Where an answer may go. The server lets a client name any subject to be answered on, also one that it
 * may not publish to itself: answered there, it would have written into another's log by our hand.
 */
export function isInbox(subject: string): boolean {
  return inbox.test(subject);
}

export function logStream(lane: number): string {
  return `AF_LOG_${lane}`;
}

const shardCount = 64;

/** Every shard's subjects that a lane keeps. */
export function laneSubjects(lane: number, lanes: number): string[] {
  return Array.from({ length: shardCount }, (_, shard) => shard)
    .filter((shard) => shard % lanes === lane)
    .map((shard) => `af.log.${String(shard).padStart(2, "0")}.>`);
}

/** The stream that keeps a log subject, and the lane its revisions count in. */
export interface Home {
  readonly stream: string;
  readonly lane: number;
  readonly lanes: number;
}

export function homeOf(kind: StreamName, subject: string, lanes: number): Home {
  switch (kind) {
    case "dead":
      return { stream: streamNames.dead, lane: 0, lanes: 1 };
    case "tele":
      return { stream: streamNames.tele, lane: 0, lanes: 1 };
    case "audit":
      return { stream: streamNames.audit, lane: 0, lanes: 1 };
    default: {
      const lane = Number(subject.slice("af.log.".length, "af.log.00".length)) % lanes;
      return { stream: logStream(lane), lane, lanes };
    }
  }
}

/** All streams in which records of this filter may lie. */
export function homesOf(kind: StreamName, filter: readonly string[], lanes: number): Home[] {
  if (kind !== "log") return [homeOf(kind, "", lanes)];
  const all = Array.from({ length: lanes }, (_, lane) => ({ stream: logStream(lane), lane, lanes }));
  if (filter.includes("af.log.")) return all;
  const named = new Set(filter.map((subject) => homeOf("log", subject, lanes).lane));
  return all.filter(({ lane }) => named.has(lane));
}

/** A revision names the lane it counts in: of one lane they grow as its sequence does. */
export function revisionOf(sequence: number, { lane, lanes }: Home): number {
  return sequence === 0 ? 0 : sequence * lanes + lane;
}

/** The last sequence of this lane that a revision covers. For a revision of the lane itself: its own. */
export function sequenceUpTo(revision: number, { lane, lanes }: Home): number {
  return Math.max(0, Math.floor((revision - lane) / lanes));
}

/** The sequence behind a fence; undefined when no record of this lane can have that revision. */
export function fenceSequence(revision: number, { lane, lanes }: Home): number | undefined {
  if (revision === 0) return 0;
  return Number.isSafeInteger(revision) && revision > 0 && revision % lanes === lane
    ? Math.floor(revision / lanes)
    : undefined;
}

/** Filters of a consumer in one lane: none of them inside another, as the server demands. */
export function laneFilters(filter: readonly Subject[], home: Home): string[] {
  const wide = filter.filter((one) => one.endsWith("."));
  const own = filter.filter((one) => {
    if (wide.some((prefix) => prefix !== one && one.startsWith(prefix))) return false;
    return home.lanes === 1 || one === "af.log." || homeOf("log", one, home.lanes).lane === home.lane;
  });
  return [...new Set(own)].map(toFilter);
}

/** A prefix as the server's pattern for all below. */
export function toFilter(subject: string): string {
  return subject.endsWith(".") ? `${subject}>` : subject;
}

const plainId = /^[A-Za-z0-9:_~-]{1,120}$/;

/**
 * The last token of a task's stored subject: one task an id. Ids of ours stand there themselves; what would
 * not be one token is hashed, and then the id travels in a header.
 */
export function taskKey(id: string): { readonly token: string; readonly isHashed: boolean } {
  if (plainId.test(id)) return { token: id, isHashed: false };
  return { token: `=${createHash("sha256").update(id).digest("base64url")}`, isHashed: true };
}

/** `<tenant>_<pool>_<build>`: neither a pool nor a build holds an underscore, so no two share a name. */
export function taskConsumer(subject: Subject): string {
  return subject.slice("af.task.".length).replaceAll(".", "_");
}

const tableRoot = "$KV.AF_TABLE.";

/** A key of the table as a subject: an empty token cannot be one, so `=` stands for it. */
export function tableSubject(key: string): string {
  return (
    tableRoot +
    key
      .split(".")
      .map((token) => (token === "" ? "=" : token))
      .join(".")
  );
}

export function tableKeyOf(subject: string): string {
  return subject
    .slice(tableRoot.length)
    .split(".")
    .map((token) => (token === "=" ? "" : token))
    .join(".");
}

/** The narrowest pattern that holds all keys of a prefix; it may hold others, since tokens are whole. */
export function tableFilter(prefix: string): string {
  const whole = prefix.slice(0, prefix.lastIndexOf(".") + 1);
  return whole === "" ? `${tableRoot}>` : `${tableSubject(whole.slice(0, -1))}.>`;
}

const blobRoots = { head: "af.blob.head.", part: "af.blob.part." } as const;

export function blobSubject(key: string): string {
  return blobRoots.head + key.replaceAll("/", ".");
}

export function blobPart(key: string, part: number): string {
  return `${blobRoots.part}${key.replaceAll("/", ".")}.${part}`;
}

export function blobParts(key: string): string {
  return `${blobRoots.part}${key.replaceAll("/", ".")}.*`;
}

/** As for the table: whole tokens of the prefix, then anything. */
export function blobFilter(prefix: string): string {
  const whole = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  return `${blobRoots.head}${whole.replaceAll("/", ".")}>`;
}

export function blobKeyOf(subject: string): string {
  return subject.slice(blobRoots.head.length).replaceAll(".", "/");
}
