/** Follows a server-sent stream of the API; a broken connection resumes behind the last message. */
import { fromErrorBody } from "@agentflow/protocol";
import { type LiveItem, LiveTrack } from "./live-track.ts";
import { waitBefore } from "./exchange.ts";
import { type Followed, liveItems, parseErrorBody, parseFollowed } from "./parse-answer.ts";
import type { Transport, TransportRequest } from "./transport.ts";

export interface FollowOptions {
  /** A cursor given with an event or page before. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

export interface LiveOptions extends FollowOptions {
  /**
   * Also records of journals, and pieces of replies as models give them: each once and in order, across
   * broken connections.
   */
  readonly live: true;
}

interface Following {
  readonly transport: Transport;
  /** Path and query of the stream, without a place. */
  readonly path: string;
  readonly after?: string;
  readonly signal?: AbortSignal;
  /** The connection was lost, or could not be made; it is tried again after `waitMs`. */
  readonly onLost?: (error: unknown, waitMs: number) => void;
  /** The server began to answer, the first time and after each loss. */
  readonly onConnected?: () => void;
  /** The error is thrown instead once nothing was heard for so long; never when left out. */
  readonly giveUpAfterMs?: number;
}

const backoffMinMs = 50;
const backoffMaxMs = 2_000;

/**
 * Every message once, in order. Ends when the server says so or the signal aborts; a broken connection is
 * made again behind the last message; what cannot get better is thrown.
 */
export async function* followStream<T>(of: Following): AsyncIterable<Followed<T>> {
  const { transport, signal } = of;
  let cursor = of.after;
  let backoffMs = backoffMinMs;
  let lostMs: number | undefined;
  let isConnected = false;
  const heard = (): void => {
    if (!isConnected) of.onConnected?.();
    isConnected = true;
    lostMs = undefined;
  };
  while (!isAborted(signal)) {
    let waitMs = backoffMs;
    isConnected = false;
    try {
      for await (const message of messages(each(transport.stream(requestOf(of, cursor)), heard))) {
        backoffMs = waitMs = backoffMinMs;
        if (message.event === "end") return;
        if (message.event === "error") throw fromErrorBody(parseErrorBody(message.data));
        if (message.id !== undefined) cursor = message.id;
        yield parseFollowed<T>(message, cursor);
      }
    } catch (error) {
      if (isAborted(signal)) return;
      lostMs ??= transport.now();
      const wait = waitBefore(error, waitMs);
      const isLate = transport.now() - lostMs > (of.giveUpAfterMs ?? Number.MAX_VALUE);
      if (wait === undefined || isLate) throw error;
      waitMs = wait;
      // Another address goes on behind the cursor: nothing is lost until that one is silent too.
      const goesOn = isConnected && transport.hasOthers === true && cursor !== undefined;
      if (!goesOn) of.onLost?.(error, waitMs);
    }
    await transport.sleep(waitMs, signal);
    backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
  }
}

export async function* valuesOf<T>(from: AsyncIterable<Followed<T>>): AsyncIterable<T> {
  for await (const { value } of from) yield value;
}

export async function* liveOf(from: AsyncIterable<Followed<unknown>>): AsyncIterable<LiveItem> {
  const track = new LiveTrack();
  for await (const message of from) yield* liveItems(message, track);
}

/** Messages of other kinds are for those who asked for them. */
export async function* records<T>(from: AsyncIterable<Followed<T>>): AsyncIterable<Followed<T>> {
  for await (const message of from) if (message.event === "record") yield message;
}

/** Also a comment that keeps a quiet stream alive counts as heard. */
async function* each(chunks: AsyncIterable<string>, heard: () => void): AsyncIterable<string> {
  for await (const chunk of chunks) {
    heard();
    yield chunk;
  }
}

function requestOf({ path, signal }: Following, cursor: string | undefined): TransportRequest {
  const separator = path.includes("?") ? "&" : "?";
  return {
    method: "GET",
    path: cursor === undefined ? path : `${path}${separator}after=${encodeURIComponent(cursor)}`,
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Asked anew each time: a signal changes between two awaits. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Messages of a server-sent stream (WHATWG HTML, section 9.2.6), as far as our server writes them. */
export async function* messages(chunks: AsyncIterable<string>): AsyncIterable<SseMessage> {
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const fields = new Map<string, string>();
      for (const line of part.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
      }
      const data = fields.get("data");
      if (data !== undefined) yield { event: fields.get("event") ?? "message", data, id: fields.get("id") };
    }
  }
}
