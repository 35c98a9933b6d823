/** The SDK's socket: many runs a frame, both ways; answers of one turn leave as one frame. */
import type { Log } from "@agentflow/host/log";
import {
  AgentFlowError,
  type RunAnswer,
  type ServerMessage,
  socketLimits,
  toErrorBody,
} from "@agentflow/protocol";
import { WebSocket } from "ws";
import type { Audit } from "../auth/audit.ts";
import { type Principal, requireScope } from "../auth/principal.ts";
import type { Engine, FollowLive, StartOne } from "../engine.ts";
import { shownError } from "./answers.ts";
import { type SocketRequest, parseFrame } from "./parse-frame.ts";

const followsMax = 1_000;
/** Beyond this it is slow: what is told live is left out for it. */
const behindBytes = 256 * 1024;
/** Unsent answers beyond this mean that the client does not read. */
const bufferedBytesMax = 64 * 1024 * 1024;

interface SocketOptions {
  readonly engine: Engine;
  readonly principal: Principal;
  readonly log: Log;
  readonly audit: Audit;
}

/** Serves one client until it goes; what it waits for is forgotten then, the runs go on. */
export function serveSocket(socket: WebSocket, options: SocketOptions): void {
  new SocketServer(socket, options);
}

class SocketServer {
  readonly #socket: WebSocket;
  readonly #engine: Engine;
  readonly #principal: Principal;
  readonly #forget = new Set<() => void>();
  readonly #follows = new Map<number, AbortController>();
  #outgoing: ServerMessage[] = [];
  #scheduled = false;
  readonly #log: Log;
  readonly #audit: Audit;
  #open = 0;
  #refusalNoted = false;

  constructor(socket: WebSocket, { engine, principal, log, audit }: SocketOptions) {
    this.#socket = socket;
    this.#log = log;
    this.#audit = audit;
    this.#engine = engine;
    this.#principal = principal;
    socket.on("message", (data: Buffer) => this.#receive(data.toString("utf8")));
    socket.on("error", (error) => log.debug("a socket failed", { error: String(error) }));
    socket.on("close", () => this.#close());
  }

  #receive(text: string): void {
    let requests: readonly SocketRequest[];
    try {
      requests = parseFrame(text);
    } catch (error) {
      // A fixed text: what a parser says quotes the frame, and a close has 123 bytes.
      this.#socket.close(1008, AgentFlowError.is(error) ? error.message.slice(0, 100) : "not JSON");
      return;
    }
    const { trouble } = this.#engine;
    if (trouble !== undefined) return requests.forEach(({ id }) => this.#fail(id, trouble));
    const starts: { readonly id: number; readonly start: StartOne }[] = [];
    for (const request of requests) {
      if (request.kind === "start") starts.push({ id: request.id, start: request.start });
      else this.#serve(request);
    }
    if (starts.length > 0) this.#start(starts);
  }

  #start(starts: readonly { readonly id: number; readonly start: StartOne }[]): void {
    this.#open += starts.length;
    try {
      requireScope(this.#principal, "runs:write");
      if (this.#open > socketLimits.inFlightMax) throw tooMany("exchanges");
    } catch (error) {
      this.#open -= starts.length;
      for (const { id } of starts) this.#fail(id, error);
      return;
    }
    let left = starts.length;
    // An answer may come before the call returns: then there is nothing to forget.
    const open: { forget?: () => void } = {};
    open.forget = this.#engine.runs.startMany(
      this.#principal.tenant,
      starts.map(({ start }) => start),
      (index, answer) => {
        this.#open--;
        if (--left === 0 && open.forget !== undefined) this.#forget.delete(open.forget);
        const id = starts[index]?.id ?? 0;
        if (AgentFlowError.is(answer)) this.#fail(id, answer);
        else this.#say(["answer", id, answer]);
      },
    );
    if (left > 0) this.#forget.add(open.forget);
  }

  #serve(request: Exclude<SocketRequest, { kind: "start" }>): void {
    switch (request.kind) {
      case "invalid":
        this.#fail(request.id, request.error);
        return;
      case "wait":
        this.#wait(request);
        return;
      case "follow":
        this.#follow(request);
        return;
      case "unfollow":
        this.#follows.get(request.id)?.abort();
        return;
    }
  }

  #wait(request: Extract<SocketRequest, { kind: "wait" }>): void {
    try {
      requireScope(this.#principal, "runs:read");
      if (this.#open >= socketLimits.inFlightMax) throw tooMany("exchanges");
    } catch (error) {
      this.#fail(request.id, error);
      return;
    }
    this.#open++;
    const open: { forget?: () => void } = {};
    let over = false;
    const answered = (answer: RunAnswer | AgentFlowError): void => {
      over = true;
      this.#open--;
      if (open.forget !== undefined) this.#forget.delete(open.forget);
      if (AgentFlowError.is(answer)) this.#fail(request.id, answer);
      else this.#say(["answer", request.id, answer]);
    };
    open.forget = this.#engine.runs.waitEach(this.#principal.tenant, request.run, request.waitMs, answered);
    if (!over) this.#forget.add(open.forget);
  }

  #follow({ id, run, after, live }: Extract<SocketRequest, { kind: "follow" }>): void {
    try {
      requireScope(this.#principal, "runs:read");
      if (this.#follows.size >= followsMax) throw tooMany("follows");
      if (this.#follows.has(id)) throw new AgentFlowError("invalid_input", `${id} follows already`);
    } catch (error) {
      this.#fail(id, error);
      return;
    }
    const stop = new AbortController();
    this.#follows.set(id, stop);
    this.#engine.runs
      .events(this.#principal.tenant, run, { limit: 1 })
      .then(() =>
        this.#engine.runs.follow(this.#principal.tenant, {
          runs: [run],
          onEvent: (event, cursor) => this.#say(["event", id, event, cursor()]),
          signal: stop.signal,
          ...(after === "" ? {} : { after }),
          ...(live ? { live: this.#live(id) } : {}),
        }),
      )
      .finally(() => this.#follows.delete(id))
      .then(() => this.#say(["end", id]))
      .catch((error: unknown) => this.#fail(id, error));
  }

  #live(id: number): FollowLive {
    return {
      onJournal: (record, cursor) => this.#say(["journal", id, record, cursor()]),
      onLive: (live) => this.#say(["live", id, live]),
      isBehind: () => this.#socket.bufferedAmount > behindBytes,
    };
  }

  #fail(id: number, thrown: unknown): void {
    const error = AgentFlowError.from(thrown, "the request");
    if (error.code === "internal") this.#log.error("a message failed", { error });
    if (error.code === "forbidden") this.#noteRefusal(error.reason);
    this.#say(["error", id, toErrorBody(shownError(error))]);
  }

  /** Once a socket: a client that may not will hear it for each of its messages. */
  #noteRefusal(reason: string): void {
    if (this.#refusalNoted) return;
    this.#refusalNoted = true;
    this.#audit.note({ by: this.#principal.name, did: "socket", outcome: "refused", reason });
  }

  #say(message: ServerMessage): void {
    this.#outgoing.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const messages = this.#outgoing;
    this.#outgoing = [];
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify(messages));
    if (this.#socket.bufferedAmount > bufferedBytesMax) this.#socket.close(1013, "the client does not read");
  }

  #close(): void {
    for (const forget of this.#forget) forget();
    this.#forget.clear();
    for (const stop of this.#follows.values()) stop.abort();
  }
}

function tooMany(what: string): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `too many ${what} are open on this socket`, {
    reason: "too_many_in_flight",
    details: { retryAfterMs: 1_000 },
  });
}
