import { AgentFlowError, isSubject, type StreamName, streamOf, type Subject } from "@agentflow/protocol";
import type { Revision } from "../port/index.ts";
import { bodyBytesMax } from "../port/index.ts";
import { anyRevision } from "./store/group.ts";

/** Refuses what is no subject, or one of a stream that the port does not carry. */
export function checkSubject(subject: string, streams: readonly StreamName[]): void {
  const stream = isSubject(subject) ? streamOf(subject) : undefined;
  if (stream !== undefined && streams.includes(stream)) return;
  throw new AgentFlowError("invalid_input", `${shown(subject)} is no subject of ${streams.join(", ")}`, {
    reason: "invalid_subject",
    details: { streams },
  });
}

/** The same for a subject or a prefix of subjects, which ends in a dot. */
export function checkFilter(filter: string, streams: readonly StreamName[]): void {
  checkSubject(filter.endsWith(".") ? `${filter}x` : filter, streams);
}

/** Refuses a body over `bytesMax` bytes of UTF-8, and text that UTF-8 cannot carry. */
export function checkBody(body: string, bytesMax: number = bodyBytesMax): void {
  if (!body.isWellFormed()) {
    throw new AgentFlowError("invalid_input", "a body with half of a surrogate pair is no text", {
      reason: "invalid_text",
    });
  }
  // A UTF-16 unit is one to three bytes: most bodies are judged without being measured.
  if (body.length * 3 <= bytesMax) return;
  const bytes = body.length > bytesMax ? body.length : Buffer.byteLength(body);
  if (bytes <= bytesMax) return;
  throw new AgentFlowError("limit_exceeded", `a body of ${bytes} bytes is over the limit of ${bytesMax}`, {
    reason: "body_too_large",
    details: { bytes, bytesMax },
  });
}

/** The number that stands for an expectation in a group. Refuses what is no revision. */
export function checkExpect(expect: Revision | "any"): number {
  if (expect === "any") return anyRevision;
  if (Number.isSafeInteger(expect) && expect >= 0) return expect;
  throw new AgentFlowError("invalid_input", `${shown(expect)} is no revision`, { reason: "invalid_revision" });
}

/** True when `subject` is one of `filter` or below one of its prefixes. */
export function matches(filter: readonly Subject[], subject: string): boolean {
  for (const one of filter) {
    if (one.endsWith(".") ? subject.startsWith(one) : subject === one) return true;
  }
  return false;
}

/** Whatever it is, short enough for a message. */
export function shown(value: unknown): string {
  return JSON.stringify(typeof value === "string" ? value.slice(0, 80) : value) ?? String(value);
}
