/** What every adapter refuses before it acts, in the same words: hostile names and oversize bodies. */
import {
  AgentFlowError,
  isSubject,
  parseTaskSubject,
  type StreamName,
  streamOf,
  type Subject,
} from "@agentflow/protocol";
import { blobBytesMax } from "./blobs.ts";
import { bodyBytesMax, type Position, type Revision } from "./log.ts";
import type { PeekOptions, QueuedTask, TakeOptions } from "./queue.ts";
import { tableValueBytesMax } from "./table.ts";

const stored: readonly StreamName[] = ["log", "dead", "audit", "tele"];
const wired: readonly StreamName[] = ["in", "live", "reg"];
const prefixPattern = /^af\.[a-z]+\.$/;
const tableKey = /^[A-Za-z0-9_.-]{1,200}$/;
const tablePrefix = /^[A-Za-z0-9_.-]{0,200}$/;
const blobKey = /^[A-Za-z0-9_-]{1,120}(\/[A-Za-z0-9_-]{1,120}){0,4}\/[0-9a-f]{64}$/;
const blobPrefix = /^[A-Za-z0-9_/-]{0,400}$/;
const taskId = /^[\x21-\x7e]{1,300}$/;
const holderName = /^[^\p{Cc}\p{Cf}]{1,63}$/u;

/** A subject that the Log keeps; gives its stream. */
export function checkLogSubject(subject: string): StreamName {
  return streamIn(stored, subject, isSubject(subject));
}

/** Subjects or prefixes of one stream that the Log keeps; gives the stream. */
export function checkLogFilter(filter: readonly string[]): StreamName {
  const [first, ...rest] = filter.map((subject) => streamIn(stored, subject, isFilter(subject)));
  if (first === undefined) throw invalid("filter", "", "a tail names at least one subject or prefix");
  if (rest.some((stream) => stream !== first)) {
    throw invalid("filter", filter.join(" "), "the subjects of one tail are of one stream");
  }
  return first;
}

/** What was read of one lane says nothing of the others: going on behind it would leave records out. */
export function checkAfter(after: Revision | Position, isOneLane: boolean): void {
  if (isOneLane || after === 0 || typeof after !== "number") return;
  throw new AgentFlowError("refused", "a tail over several logs goes on behind a place in each of them", {
    reason: "position_needed",
    suggestions: ["give the last revision of each lane"],
  });
}

/** A subject that the Wire carries to one server. */
export function checkWireSubject(subject: string): void {
  streamIn(wired, subject, isSubject(subject));
}

/** A subject or prefix that the Wire serves or listens to. */
export function checkWireFilter(subject: string): void {
  streamIn(wired, subject, isFilter(subject));
}

export function checkBody(body: string): void {
  checkText(body, bodyBytesMax, "body");
}

export function checkTasks(tasks: readonly QueuedTask[]): void {
  for (const task of tasks) {
    if (!taskId.test(task.id)) throw invalid("task id", task.id, "a task id is 1 to 300 plain characters");
    checkTaskSubject(task.subject);
    checkBody(task.body);
  }
}

export function checkTake(options: TakeOptions): void {
  for (const subject of options.subjects) checkTaskSubject(subject);
  if (!holderName.test(options.holder)) throw invalid("holder", options.holder, "1 to 63 plain characters");
  if (!(options.slots >= 1)) throw invalid("slots", String(options.slots), "at least one slot");
  if (!(options.leaseMs >= 1)) throw invalid("leaseMs", String(options.leaseMs), "at least a millisecond");
}

/** A subject of tasks or a prefix of some, and how many are shown at most. */
export function checkPeek({ subject, limit }: PeekOptions): void {
  const isOurs = streamOf(`${subject}x`) === "task" && isFilter(subject);
  if (!isOurs) throw invalid("subject", subject, "a subject here is af.task.<plain tokens>");
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= peekMax))
    throw invalid("limit", String(limit), `1 to ${peekMax}`);
}

const peekMax = 1_000;

export function checkTableKey(key: string): void {
  if (!tableKey.test(key)) throw invalid("table key", key, `a table key matches ${tableKey.source}`);
}

export function checkTablePrefix(prefix: string): void {
  if (!tablePrefix.test(prefix)) throw invalid("table prefix", prefix, `it matches ${tablePrefix.source}`);
}

export function checkTableValue(value: string): void {
  checkText(value, tableValueBytesMax, "table value");
}

/** Gives the SHA-256 that the key ends in. */
export function checkBlobKey(key: string): string {
  if (!blobKey.test(key)) throw invalid("blob key", key, `a blob key matches ${blobKey.source}`);
  return key.slice(-64);
}

export function checkBlobPrefix(prefix: string): void {
  if (!blobPrefix.test(prefix)) throw invalid("blob prefix", prefix, `it matches ${blobPrefix.source}`);
}

export function checkBlobSize(bytes: number): void {
  if (bytes > blobBytesMax) throw oversize("blob", bytes, blobBytesMax);
}

/** What `put` throws when the bytes are not those that the key promises. */
export function wrongHash(key: string): AgentFlowError {
  return new AgentFlowError("invalid_input", "the bytes do not have the SHA-256 that their key ends in", {
    reason: "wrong_hash",
    details: { key },
  });
}

/** The subject of the dead letters of a task subject. */
export function checkTaskSubject(subject: string): NonNullable<ReturnType<typeof parseTaskSubject>> {
  const parsed = isSubject(subject) ? parseTaskSubject(subject) : undefined;
  if (parsed === undefined)
    throw invalid("subject", subject, "a task subject is af.task.<tenant>.<pool>.<build>");
  return parsed;
}

function isFilter(subject: string): subject is Subject {
  if (!subject.endsWith(".")) return isSubject(subject);
  return prefixPattern.test(subject) || isSubject(subject.slice(0, -1));
}

function streamIn(allowed: readonly StreamName[], subject: string, wellFormed: boolean): StreamName {
  const stream = wellFormed ? streamOf(subject) : undefined;
  if (stream !== undefined && allowed.includes(stream)) return stream;
  throw invalid("subject", subject, `a subject here is af.<${allowed.join("|")}>.<plain tokens>`);
}

function checkText(text: string, bytesMax: number, what: string): void {
  // A UTF-16 unit becomes one to three bytes: most bodies are settled without counting.
  if (text.length * 3 > bytesMax) {
    const bytes = Buffer.byteLength(text);
    if (bytes > bytesMax) throw oversize(what, bytes, bytesMax);
  }
  if (!text.isWellFormed()) throw invalid(what, "", `a ${what} is text that UTF-8 can carry`);
}

function oversize(what: string, bytes: number, bytesMax: number): AgentFlowError {
  const message = `a ${what} of ${bytes} bytes is over the limit of ${bytesMax}`;
  return new AgentFlowError("limit_exceeded", message, { reason: "too_big", details: { bytes, bytesMax } });
}

function invalid(what: string, given: string, hint: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${JSON.stringify(given.slice(0, 80))} is not a valid ${what}`, {
    reason: `invalid_${what.replaceAll(" ", "_")}`,
    suggestions: [hint],
  });
}
