/** The door for what workers write: records of journals, and what they tell live. */
import { isId, type JournalRecord, type LiveMessage, type LivePart } from "@agentflow/protocol";

/** Undefined for a record that is not of this version; kinds of events that are new here are passed on. */
export function parseJournal(body: string): JournalRecord | undefined {
  const record = objectIn(body);
  if (record?.["v"] !== 1 || record["kind"] !== "journal" || typeof record["attempt"] !== "number") {
    return undefined;
  }
  const { events } = record;
  const isRead =
    Array.isArray(events) && events.every((event) => typeof asObject(event)?.["kind"] === "string");
  return isRead ? (record as unknown as JournalRecord) : undefined;
}

/** Undefined for what is no live message; parts of kinds that are new here are left out. */
export function parseLive(body: string): LiveMessage | undefined {
  const message = objectIn(body);
  if (message?.["v"] !== 1 || message["kind"] !== "live" || !isId("step instance", message["step"])) {
    return undefined;
  }
  const { at, step, attempt, seq, parts } = message;
  if (typeof at !== "string" || !isCount(attempt) || !isCount(seq) || !Array.isArray(parts)) return undefined;
  return { v: 1, kind: "live", at, step, attempt, seq, parts: parts.filter(isPart) };
}

function isPart(part: unknown): part is LivePart {
  const of = asObject(part);
  if (of === undefined) return false;
  switch (of["kind"]) {
    case "text":
    case "reasoning":
      return isCount(of["n"]) && isCount(of["from"]) && typeof of["text"] === "string";
    case "call":
      return isCount(of["n"]) && typeof of["tool"] === "string";
    case "void":
      return isCount(of["n"]) && typeof of["reason"] === "string";
    case "progress":
      return typeof of["call"] === "string" && typeof of["message"] === "string";
    default:
      return false;
  }
}

type Fields = { readonly [key: string]: unknown };

function objectIn(text: string): Fields | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
