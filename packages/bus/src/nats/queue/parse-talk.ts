/** What takers of one subject tell each other. Nothing of it is stored: who misses it loses time, no task. */
import { isSubject, parseTaskSubject } from "@agentflow/protocol";
import type { Msg } from "@nats-io/transport-node";
import type { PeekedTask } from "../../port/index.ts";
import { json, parseAck, record, type StoredMessage, string, text } from "../parse-answers.ts";
import type { Handed } from "./held.ts";

export type Talk =
  /** These tasks are mine from before: whoever gets or holds one under my name, pass it on. */
  | {
      readonly kind: "claim";
      readonly ids: readonly string[];
      readonly holder: string;
      readonly inbox: string;
    }
  | { readonly kind: "unclaim"; readonly inbox: string }
  /** I am new here: say again what you claim. */
  | { readonly kind: "hello" }
  | { readonly kind: "revoked"; readonly id: string };

export function writeTalk(talk: Talk): string {
  return JSON.stringify({ v: 1, ...talk });
}

/** Undefined for what a newer build says. */
export function parseTalk(body: Uint8Array): Talk | undefined {
  const value = record(json(text(body)));
  const word = (key: string): string => string(value[key]);
  switch (value["kind"]) {
    case "claim": {
      const ids = Array.isArray(value["ids"]) ? value["ids"].map(String) : [];
      return { kind: "claim", ids, holder: word("holder"), inbox: word("inbox") };
    }
    case "unclaim":
      return { kind: "unclaim", inbox: word("inbox") };
    case "hello":
      return { kind: "hello" };
    case "revoked":
      return { kind: "revoked", id: word("id") };
    default:
      return undefined;
  }
}

export const idHeader = "Af-Id";
export const subjectHeader = "Af-Subject";
export const ackHeader = "Af-Ack";

/** A task as the work queue delivered it; undefined when it is none of ours. */
export function parseHanded(message: Msg): Handed | undefined {
  return handedOf(message, { subject: message.subject, ackSubject: message.reply ?? "" });
}

/** A task as another client passed it on. */
export function parsePassedOn(message: Msg): Handed | undefined {
  const header = (name: string): string => message.headers?.get(name) ?? "";
  return handedOf(message, { subject: header(subjectHeader), ackSubject: header(ackHeader) });
}

function handedOf(message: Msg, of: { subject: string; ackSubject: string }): Handed | undefined {
  const dot = of.subject.lastIndexOf(".");
  const [subject, token] = [of.subject.slice(0, dot), of.subject.slice(dot + 1)];
  if (!isSubject(subject)) return undefined;
  const { delivered, streamSequence, atMs } = parseAck(of.ackSubject);
  const id = token.startsWith("=") ? (message.headers?.get(idHeader) ?? "") : token;
  if (id === "") return undefined;
  const { ackSubject } = of;
  return {
    id,
    subject,
    body: text(message.data),
    ackSubject,
    delivered,
    sequence: streamSequence,
    atMs,
    isResumed: false,
  };
}

/** A task as its stream keeps it; undefined for what is none, such as the record of the queue's epoch. */
export function parsePeeked(message: StoredMessage): PeekedTask | undefined {
  const at = message.subject.lastIndexOf(".");
  const subject = message.subject.slice(0, at);
  const token = message.subject.slice(at + 1);
  if (!isSubject(subject) || parseTaskSubject(subject) === undefined) return undefined;
  const id = token.startsWith("=") ? message.header(idHeader) : token;
  return { id, subject, body: text(message.data), atMs: message.atMs };
}
