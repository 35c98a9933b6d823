/** What every Wire asks of a request, and how what is published waits for one who listens. */
import { AgentFlowError, type Subject } from "@agentflow/protocol";
import { checkBody, checkWireSubject } from "../port/check.ts";
import { Channel } from "./channel.ts";

export const wireLimits = {
  timeoutMsMax: 24 * 60 * 60 * 1000,
  /** Messages that wait for one subscriber; the oldest make room for the newest. */
  messagesWaiting: 1_000,
} as const;

export function checkRequest(subject: string, body: string, timeoutMs: number): void {
  checkWireSubject(subject);
  checkBody(body);
  if (Number.isFinite(timeoutMs) && timeoutMs > 0 && timeoutMs <= wireLimits.timeoutMsMax) return;
  throw new AgentFlowError("invalid_input", `${timeoutMs} is no time to wait for an answer`, {
    reason: "invalid_timeout",
  });
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
