/** JetStream's API: a request, an answer in JSON, or an error with a number. */
import type { Msg } from "@nats-io/transport-node";
import { type ApiErrorName, fromApi, isApiError } from "./errors.ts";
import type { Link } from "./link.ts";
import {
  type Answered,
  parseApi,
  parseDirect,
  parseLeader,
  parseStored,
  type Stored,
  type StoredMessage,
} from "./parse-answers.ts";

type Json = { readonly [key: string]: unknown };

export interface Call {
  readonly verb: string;
  readonly body?: Json;
  readonly doing: string;
  readonly timeoutMs?: number;
}

/** The answer, or the error as a value for whoever can do something about it. */
export async function tryApi(link: Link, { verb, body, doing, timeoutMs }: Call): Promise<Answered> {
  const ask = timeoutMs === undefined ? { doing } : { doing, timeoutMs };
  return parseApi(await link.request(`$JS.API.${verb}`, body === undefined ? "" : JSON.stringify(body), ask));
}

/** The answer; undefined for the one error that is expected, any other is thrown. */
export async function api(link: Link, call: Call, expected?: ApiErrorName): Promise<Json | undefined> {
  const answered = await tryApi(link, call);
  if (answered.ok) return answered.value;
  if (expected !== undefined && isApiError(answered.error, expected)) return undefined;
  throw fromApi(answered.error, call.doing);
}

/** Stores a message; a refusal is a value. */
export async function store(
  link: Link,
  subject: string,
  message: Parameters<Link["request"]>[2] & { readonly body: string | Uint8Array },
): Promise<Stored> {
  return parseStored(await link.store(subject, message.body, message));
}

/** A message by what it matches, from the leader: never older than what was acknowledged. */
export async function leaderGet(link: Link, stream: string, match: Json): Promise<StoredMessage | undefined> {
  const call = { verb: `STREAM.MSG.GET.${stream}`, body: match, doing: `reading ${stream}` };
  const value = await api(link, call, "noMessage");
  return value === undefined ? undefined : parseLeader(value);
}

/** The newest message of a subject, from any server that has the stream. */
export async function directLast(
  link: Link,
  stream: string,
  subject: string,
): Promise<StoredMessage | undefined> {
  const doing = `reading ${stream}`;
  const answer = await link.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, "", { doing });
  return isMissing(answer) ? undefined : parseDirect(answer);
}

export interface Page {
  readonly messages: readonly StoredMessage[];
  /** More are there than one answer gives. */
  readonly hasMore: boolean;
}

/** Messages of one exact subject in order, from a sequence on: one request, many answers. */
export async function directPage(
  link: Link,
  stream: string,
  of: { readonly subject: string; readonly from: number; readonly limit: number },
): Promise<Page> {
  const messages: StoredMessage[] = [];
  const body = JSON.stringify({ batch: of.limit, seq: of.from, next_by_subj: of.subject });
  const last = await link.collect(`$JS.API.DIRECT.GET.${stream}`, body, {
    doing: `reading ${of.subject}`,
    collect: (answer) => {
      if (isStatus(answer)) return true;
      messages.push(parseDirect(answer));
      return false;
    },
  });
  const pending = Number(last.headers?.get("Nats-Num-Pending") ?? 0);
  return { messages, hasMore: pending > 0 && messages.length > 0 };
}

/** A status instead of a message: nothing there, or the end of a batch. A stored message has its sequence. */
function isStatus(answer: Msg): boolean {
  return answer.data.length === 0 && (answer.headers?.code ?? 0) > 0;
}

function isMissing(answer: Msg): boolean {
  return isStatus(answer) && answer.headers?.code === 404;
}
