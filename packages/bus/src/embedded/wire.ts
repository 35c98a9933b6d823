import { AgentFlowError, type Subject } from "@agentflow/protocol";
import { checkBody, checkWireFilter, checkWireSubject } from "../port/check.ts";
import type { Stop, Wire } from "../port/index.ts";
import { Channel } from "./channel.ts";
import type { Server, Switchboard } from "./switchboard.ts";

export const wireLimits = {
  timeoutMsMax: 24 * 60 * 60 * 1000,
  /** Messages that wait for one subscriber; the oldest make room for the newest. */
  messagesWaiting: 1_000,
} as const;

/** The Wire port inside the owner. */
export class EmbeddedWire implements Wire {
  readonly board: Switchboard;

  constructor(board: Switchboard) {
    this.board = board;
  }

  request(subject: Subject, body: string, options: { timeoutMs: number }): Promise<string> {
    return new Promise((resolve, reject) => {
      checkRequest(subject, body, options.timeoutMs);
      this.board.request({ subject, body, timeoutMs: options.timeoutMs }, (error, answer) => {
        if (error === undefined) resolve(answer);
        else reject(error);
      });
    });
  }

  async serve(subject: Subject, handler: (body: string, subject: Subject) => Promise<string>): Promise<Stop> {
    checkWireFilter(subject);
    const stop = this.board.serve(subject, asServer(handler));
    return { stop: async () => stop() };
  }

  publish(subject: Subject, body: string): void {
    checkWireSubject(subject);
    checkBody(body);
    this.board.publish(subject, body);
  }

  async subscribe(
    subject: Subject,
    handler: (body: string, subject: Subject) => void,
    onDropped?: (count: number) => void,
  ): Promise<Stop> {
    checkWireFilter(subject);
    const inbox = new Inbox(handler, onDropped);
    const stop = this.board.subscribe(subject, (body, from) => inbox.put({ body, subject: from }));
    return {
      stop: async () => {
        stop();
        inbox.close();
      },
    };
  }
}

export function checkRequest(subject: string, body: string, timeoutMs: number): void {
  checkWireSubject(subject);
  checkBody(body);
  if (Number.isFinite(timeoutMs) && timeoutMs > 0 && timeoutMs <= wireLimits.timeoutMsMax) return;
  throw new AgentFlowError("invalid_input", `${timeoutMs} is no time to wait for an answer`, {
    reason: "invalid_timeout",
  });
}

/** A handler with a promise as one with a callback; an answer that is too long is an error of the handler. */
export function asServer(handler: (body: string, subject: Subject) => Promise<string>): Server {
  return (body, subject, reply) => {
    const answer = (text: string): void => {
      try {
        checkBody(text);
      } catch (error) {
        return reply(AgentFlowError.from(error, "an answer"), "");
      }
      reply(undefined, text);
    };
    const fail = (error: unknown): void => reply(AgentFlowError.from(error, `serving ${subject}`), "");
    try {
      handler(body, subject).then(answer, fail);
    } catch (error) {
      fail(error);
    }
  };
}

interface Message {
  readonly body: string;
  readonly subject: Subject;
}

/** What waits for one subscriber: handed over a turn later, so that a publisher never runs its handler. */
export class Inbox {
  readonly #handler: (body: string, subject: Subject) => void;
  readonly #onDropped: ((count: number) => void) | undefined;
  readonly #waiting = new Channel<Message>();
  #dropped = 0;
  #scheduled = false;
  #closed = false;

  constructor(
    handler: (body: string, subject: Subject) => void,
    onDropped: ((count: number) => void) | undefined,
  ) {
    this.#handler = handler;
    this.#onDropped = onDropped;
  }

  put(message: Message): void {
    this.#waiting.push(message);
    if (this.#waiting.length > wireLimits.messagesWaiting) {
      this.#waiting.shift();
      this.#dropped++;
    }
    this.#schedule();
  }

  drop(count: number): void {
    this.#dropped += count;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.drain();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#handOver());
  }

  #handOver(): void {
    this.#scheduled = false;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0 && !this.#closed) this.#onDropped?.(dropped);
    for (const { body, subject } of this.#waiting.drain()) {
      if (this.#closed) return;
      this.#handler(body, subject);
    }
  }
}
