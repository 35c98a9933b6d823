/**
 * Many runs over one socket: frames of messages, one frame a turn, starts repeated under their ids after a
 * break.
 */
import {
  AgentFlowError,
  type ClientMessage,
  type Json,
  type RunAnswer,
  type RunEventView,
  type ServerMessage,
  type StartRunBody,
  fromErrorBody,
} from "@agentflow/protocol";
import { waitBefore } from "./exchange.ts";
import { parseMessages, toJson } from "./parse-answer.ts";
import { newRunId } from "./make-ids.ts";
import type { LiveItem } from "./live-track.ts";
import { eventsOf, SessionFollow } from "./session-follow.ts";
import type { SocketLike, Transport } from "./transport.ts";

export interface SessionStart {
  readonly run?: string;
  readonly version?: string;
  readonly labels?: { readonly [key: string]: string };
  readonly timeoutMs?: number;
  /** How long to wait for the end; 60,000 when left out, 0: answer once accepted. */
  readonly waitMs?: number;
}

export interface Session {
  /** Starts a run and gives its end, or its state after `waitMs`. A broken socket is repaired underneath. */
  start(workflow: string, input: unknown, options?: SessionStart): Promise<RunAnswer>;
  /** Waits for a run's end, however it was started. */
  wait(run: string, waitMs?: number): Promise<RunAnswer>;
  /**
   * Events of a run until its end, with `live` also what its agents do: see `LiveItem`. After a break it goes
   * on behind what came. Events that are not taken wait here, so take them.
   */
  follow(run: string, options: SessionFollowOptions & { readonly live: true }): AsyncIterable<LiveItem>;
  follow(run: string, options?: SessionFollowOptions): AsyncIterable<RunEventView>;
  /** Open exchanges fail with `unavailable`; the runs themselves go on. */
  close(): void;
}

export interface SessionFollowOptions {
  /** A cursor given with an item before. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

interface Open {
  readonly message: ClientMessage;
  /** Until when what may pass is asked again. */
  readonly endMs: number;
  backoffMs: number;
  readonly resolve: (answer: RunAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * `retryForMs`: how long a socket may be gone before what is open fails with `unavailable`, and how long an
 * exchange is repeated that is answered with what may pass (`unavailable`, `timeout`).
 */
export function openSession(transport: Transport, retryForMs: number): Session {
  return new SocketSession(transport, retryForMs);
}

const defaultWaitMs = 60_000;
const backoffMinMs = 50;
const backoffMaxMs = 2_000;

class SocketSession implements Session {
  readonly #transport: Transport;
  readonly #retryForMs: number;
  readonly #open = new Map<number, Open>();
  readonly #follows = new Map<number, SessionFollow>();
  #socket: SocketLike | undefined;
  #connecting = false;
  #closed = false;
  #outgoing: ClientMessage[] = [];
  #scheduled = false;
  #nextId = 1;

  constructor(transport: Transport, retryForMs: number) {
    this.#transport = transport;
    this.#retryForMs = retryForMs;
  }

  start(workflow: string, input: unknown, options: SessionStart = {}): Promise<RunAnswer> {
    const { waitMs, ...rest } = options;
    let json: Json | undefined;
    try {
      json = input === undefined ? undefined : toJson(input);
    } catch (error) {
      // An input that JSON cannot say: told as every other refusal is, by the promise.
      return Promise.reject(AgentFlowError.from(error, "the input"));
    }
    const body: StartRunBody = {
      run: options.run ?? newRunId(this.#transport),
      workflow,
      ...rest,
      ...(json === undefined ? {} : { input: json }),
    };
    return this.#exchange((id) => ["start", id, body, waitMs ?? defaultWaitMs]);
  }

  wait(run: string, waitMs = defaultWaitMs): Promise<RunAnswer> {
    return this.#exchange((id) => ["wait", id, run, waitMs]);
  }

  follow(run: string, options: SessionFollowOptions & { readonly live: true }): AsyncIterable<LiveItem>;
  follow(run: string, options?: SessionFollowOptions): AsyncIterable<RunEventView>;
  follow(
    run: string,
    options: SessionFollowOptions & { readonly live?: true } = {},
  ): AsyncIterable<LiveItem> | AsyncIterable<RunEventView> {
    const items = this.#follow(run, options);
    return options.live === true ? items : eventsOf(items);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.close();
    this.#failAll(gone("the session was closed"));
  }

  async *#follow(
    run: string,
    { after = "", signal, live = false }: SessionFollowOptions & { readonly live?: boolean },
  ): AsyncGenerator<LiveItem, void> {
    if (this.#closed) throw gone("the session was closed");
    const id = this.#nextId++;
    const follow = new SessionFollow({ run, after, live });
    const end = (): void => follow.end();
    this.#follows.set(id, follow);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
    this.#say(follow.message(id));
    try {
      yield* follow.items();
    } finally {
      signal?.removeEventListener("abort", end);
      // A socket that is gone has forgotten it.
      if (this.#follows.delete(id) && this.#socket !== undefined) this.#say(["unfollow", id]);
    }
  }

  #exchange(message: (id: number) => ClientMessage): Promise<RunAnswer> {
    const id = this.#nextId++;
    const made = message(id);
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(gone("the session was closed"));
        return;
      }
      const endMs = this.#transport.now() + this.#retryForMs;
      this.#open.set(id, { message: made, endMs, backoffMs: backoffMinMs, resolve, reject });
      this.#say(made);
    });
  }

  #say(message: ClientMessage): void {
    this.#outgoing.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#transport.afterTurn(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#socket === undefined) {
      void this.#connect();
      return;
    }
    const messages = this.#outgoing;
    this.#outgoing = [];
    for (let i = 0; i < messages.length; i += 500)
      this.#socket.send(JSON.stringify(messages.slice(i, i + 500)));
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#closed) return;
    this.#connecting = true;
    try {
      this.#socket = await this.#openSocket();
    } catch (error) {
      this.#failAll(error);
    }
    this.#connecting = false;
    if (this.#closed) this.#socket?.close();
    else if (this.#socket !== undefined) this.#flush();
  }

  async #openSocket(): Promise<SocketLike | undefined> {
    const endMs = this.#transport.now() + this.#retryForMs;
    for (let backoffMs = backoffMinMs; !this.#closed; backoffMs = Math.min(backoffMs * 2, backoffMaxMs)) {
      try {
        return await this.#transport.socket("/v1/socket", {
          message: (text) => this.#receive(text),
          closed: () => this.#onClosed(),
        });
      } catch (error) {
        const wait = waitBefore(error, backoffMs);
        if (wait === undefined || this.#transport.now() + wait > endMs) throw error;
        await this.#transport.sleep(wait);
      }
    }
    return undefined;
  }

  /** What was open is asked again: a start under its run id finds its own run. */
  #onClosed(): void {
    this.#socket = undefined;
    const follows = [...this.#follows].map(([id, follow]) => follow.message(id));
    this.#outgoing = [...[...this.#open.values()].map(({ message }) => message), ...follows];
    if (!this.#closed && this.#outgoing.length > 0) void this.#connect();
  }

  #failAll(error: unknown): void {
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
    for (const follow of this.#follows.values()) follow.end(error);
    this.#follows.clear();
    this.#outgoing = [];
  }

  #receive(text: string): void {
    for (const message of parseMessages(text)) {
      const follow = this.#follows.get(message[1]);
      if (follow !== undefined) this.#followed(follow, message);
      const open = this.#open.get(message[1]);
      if (open === undefined) continue;
      if (message[0] === "error") this.#refused(message[1], open, fromErrorBody(message[2]));
      if (message[0] !== "answer") continue;
      this.#open.delete(message[1]);
      open.resolve(message[2]);
    }
  }

  #followed(follow: SessionFollow, message: ServerMessage): void {
    const id = message[1];
    switch (message[0]) {
      case "event":
      case "journal":
      case "live":
        follow.take(message);
        return;
      case "end":
        this.#follows.delete(id);
        follow.end();
        return;
      case "error":
        this.#followRefused(id, follow, fromErrorBody(message[2]));
        return;
      case "answer":
        return;
    }
  }

  /** What may pass is asked again for as long as it takes: nothing else waits for it. */
  #followRefused(id: number, follow: SessionFollow, error: AgentFlowError): void {
    const wait = waitBefore(error, follow.backoffMs);
    if (wait === undefined) {
      this.#follows.delete(id);
      follow.end(error);
      return;
    }
    follow.slower();
    void this.#transport.sleep(wait).then(() => {
      if (this.#follows.get(id) === follow) this.#say(follow.message(id));
    });
  }

  /** Asked again under its number: a start under its run id finds its own run. */
  #refused(id: number, open: Open, error: AgentFlowError): void {
    const wait = waitBefore(error, open.backoffMs);
    if (wait === undefined || this.#transport.now() + wait > open.endMs) {
      this.#open.delete(id);
      open.reject(error);
      return;
    }
    open.backoffMs = Math.min(open.backoffMs * 2, backoffMaxMs);
    void this.#transport.sleep(wait).then(() => {
      if (this.#open.get(id) === open) this.#say(open.message);
    });
  }
}

function gone(message: string): AgentFlowError {
  return new AgentFlowError("unavailable", message, { reason: "session_closed" });
}
