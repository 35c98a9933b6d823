/** The door for everything that comes through the socket: from JSON to the shapes that the protocol says. */
import { AgentFlowError, type ErrorBody, fromErrorBody, isSubject, type Subject } from "@agentflow/protocol";
import type { LogEntry, PeekedTask, QueueDepth, Row, RowChange } from "../../port/index.ts";
import { malformed } from "./malformed.ts";

type Head = readonly [operation: number, id: number, facts: unknown, lengths: readonly number[]];

const bare: readonly number[] = [];

export function parseHeader(text: string): Head[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw malformed("a header that is not JSON");
  }
  if (!Array.isArray(header)) throw malformed("a header that is no array");
  return (header as unknown[]).map(parseHead);
}

function parseHead(head: unknown): Head {
  if (!Array.isArray(head)) throw malformed("a message that is no array");
  const [operation, id, facts, ...rest] = head as unknown[];
  if (!isCount(operation) || !isCount(id)) throw malformed("a message without operation and id");
  if (rest.length === 0) return [operation, id, facts, bare];
  if (!rest.every(isCount)) throw malformed("a body without a length");
  return [operation, id, facts, rest];
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The facts of a message as a tuple of this many; what each is, the next functions say. */
export function tuple(facts: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(facts) || facts.length < length) throw malformed("a message without its facts");
  return facts as unknown[];
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw malformed("something that should be text");
  return value;
}

export function count(value: unknown): number {
  if (!isCount(value)) throw malformed("something that should be a whole number");
  return value;
}

export function flag(value: unknown): boolean {
  if (typeof value !== "boolean") throw malformed("something that should be true or false");
  return value;
}

export function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw malformed("something that should be a list");
  return (value as unknown[]).map(text);
}

export function body(bodies: readonly string[], at = 0): string {
  const found = bodies[at];
  if (found === undefined) throw malformed("a message without its body");
  return found;
}

/** A subject; the one who handles it still checks that its stream is right. */
export function subject(value: unknown): Subject {
  const name = text(value);
  if (isSubject(name)) return name;
  throw new AgentFlowError("invalid_input", "a name that is no subject", { reason: "invalid_subject" });
}

/** A subject or a prefix of some. */
export function filter(value: unknown): Subject {
  const name = text(value);
  if (isSubject(name.endsWith(".") ? `${name}x` : name)) return name as Subject;
  throw new AgentFlowError("invalid_input", "a name that is no subject", { reason: "invalid_subject" });
}

export function expectation(value: unknown): number | "any" {
  return value === "any" ? value : count(value);
}

export function error(value: unknown): AgentFlowError {
  const of = value as Partial<ErrorBody> | null;
  if (typeof of !== "object" || of === null || typeof of.message !== "string") {
    throw malformed("something that should be an error");
  }
  return fromErrorBody({
    code: of.code ?? "internal",
    reason: typeof of.reason === "string" ? of.reason : "internal",
    message: of.message,
    details: typeof of.details === "object" && of.details !== null ? of.details : {},
    suggestions: Array.isArray(of.suggestions) ? of.suggestions.filter((one) => typeof one === "string") : [],
  });
}

/** Entries in the shape of their facts: `[subject, revision, atMs]` each, and a body each. */
export function entries(facts: readonly unknown[], bodies: readonly string[]): LogEntry[] {
  return facts.map((one, i) => {
    const [name, revision, atMs] = tuple(one, 3);
    return { subject: subject(name), revision: count(revision), body: body(bodies, i), atMs: count(atMs) };
  });
}

/** Rows: `[key, revision]` each, and a body each. */
export function rows(facts: readonly unknown[], bodies: readonly string[]): Row[] {
  return facts.map((one, i) => {
    const [key, revision] = tuple(one, 2);
    return { key: text(key), value: body(bodies, i), revision: count(revision) };
  });
}

/** Changes: `[key, revision, isThere]` each, and a body each. */
export function changes(facts: readonly unknown[], bodies: readonly string[]): RowChange[] {
  return facts.map((one, i) => {
    const [key, revision, isThere] = tuple(one, 3);
    const value = flag(isThere) ? body(bodies, i) : undefined;
    return { key: text(key), value, revision: count(revision) };
  });
}

export function depths(facts: readonly unknown[]): QueueDepth[] {
  return facts.map((one) => {
    const [name, waiting, leased] = tuple(one, 3);
    return { subject: subject(name), waiting: count(waiting), leased: count(leased) };
  });
}

/** Tasks: `[id, subject, state, holder or "", deliveries]` each, and a body each. */
export function peeked(facts: readonly unknown[], bodies: readonly string[]): PeekedTask[] {
  return facts.map((one, i) => {
    const [id, name, state, holder, deliveries] = tuple(one, 5);
    const held = text(holder);
    return {
      id: text(id),
      subject: subject(name),
      body: body(bodies, i),
      deliveries: count(deliveries),
      state: text(state) === "leased" ? "leased" : "waiting",
      ...(held === "" ? {} : { holder: held }),
    };
  });
}
