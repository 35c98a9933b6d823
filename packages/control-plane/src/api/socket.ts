/** The SDK's socket: many runs a frame, both ways; answers of one turn leave as one frame. */
import type { Log } from "@agentflow/host/log";
import { AgentFlowError, type ServerMessage, socketLimits, toErrorBody } from "@agentflow/protocol";
import { WebSocket } from "ws";
import { type Principal, requireScope } from "../auth/principal.ts";
import type { Engine, StartOne } from "../engine.ts";
import { type SocketRequest, parseFrame } from "./parse-frame.ts";

/** Unsent answers beyond this mean that the client does not read. */
const bufferedBytesMax = 64 * 1024 * 1024;

interface SocketOptions {
  readonly engine: Engine;
  readonly principal: Principal;
  readonly log: Log;
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
  #open = 0;

  constructor(socket: WebSocket, { engine, principal, log }: SocketOptions) {
    this.#socket = socket;
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
      const shown = AgentFlowError.from(error, "the frame");
      this.#socket.close(1008, shown.message.slice(0, 120));
      return;
    }
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
      if (this.#open > socketLimits.inFlightMax) throw tooMany();
    } catch (error) {
      this.#open -= starts.length;
      for (const { id } of starts) this.#fail(id, error);
      return;
    }
    let left = starts.length;
    const forget = this.#engine.runs.startMany(
      this.#principal.tenant,
      starts.map(({ start }) => start),
      (index, answer) => {
        this.#open--;
        if (--left === 0) this.#forget.delete(forget);
        const id = starts[index]?.id ?? 0;
        if (AgentFlowError.is(answer)) this.#fail(id, answer);
        else this.#say(["answer", id, answer]);
      },
    );
    if (left > 0) this.#forget.add(forget);
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
      const forget = this.#engine.runs.waitEach(
        this.#principal.tenant,
        request.run,
        request.waitMs,
        (answer) => {
          this.#forget.delete(forget);
          if (AgentFlowError.is(answer)) this.#fail(request.id, answer);
          else this.#say(["answer", request.id, answer]);
        },
      );
      this.#forget.add(forget);
    } catch (error) {
      this.#fail(request.id, error);
    }
  }

  #follow(request: Extract<SocketRequest, { kind: "follow" }>): void {
    const stop = new AbortController();
    this.#follows.set(request.id, stop);
    const { id, run, after } = request;
    const onEvent = (
      event: Parameters<Parameters<Engine["runs"]["follow"]>[1]["onEvent"]>[0],
      cursor: string,
    ): void => {
      this.#say(["event", id, event, cursor]);
    };
    const options = { runs: [run], onEvent, signal: stop.signal, ...(after === "" ? {} : { after }) };
    this.#engine.runs
      .follow(this.#principal.tenant, options)
      .then(() => this.#say(["end", id]))
      .catch((error: unknown) => this.#fail(id, error))
      .finally(() => this.#follows.delete(id));
  }

  #fail(id: number, error: unknown): void {
    this.#say(["error", id, toErrorBody(AgentFlowError.from(error, "the request"))]);
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

function tooMany(): AgentFlowError {
  return new AgentFlowError(
    "limit_exceeded",
    `more than ${socketLimits.inFlightMax} starts open on one socket`,
    {
      reason: "too_many_in_flight",
      details: { retryAfterMs: 1_000 },
    },
  );
}
