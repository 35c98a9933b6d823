import { AgentFlowError, toErrorBody } from "@agentflow/protocol";
import type { EmbeddedBus } from "../open.ts";
import type { Message } from "./frame.ts";
import type { Link } from "./link.ts";
import { malformed, malformedReason } from "./malformed.ts";
import { operation, socketLimits } from "./operations.ts";
import { blobHandlers } from "./serve-blobs.ts";
import { logHandlers } from "./serve-log.ts";
import { queueHandlers } from "./serve-queue.ts";
import { tableHandlers } from "./serve-table.ts";
import { wireHandlers } from "./serve-wire.ts";
import type { Handler, Talk } from "./talk.ts";

/** Operations that nobody answers. */
const silent: ReadonlySet<number> = new Set([
  operation.done,
  operation.failed,
  operation.end,
  operation.stopTaking,
  operation.reporting,
  operation.publish,
]);

/** One client's connection, once it is known. */
export class Session {
  readonly #link: Link;
  readonly #handlers = new Map<number, Handler>();
  readonly #gone: (() => void)[] = [];
  #open = 0;
  #paused = false;

  constructor(of: { bus: EmbeddedBus; link: Link; graceMs: number }) {
    this.#link = of.link;
    const talk: Talk = {
      ...of,
      answer: (id, facts = null, bodies = []) => {
        this.#settled();
        of.link.send(operation.done, id, facts, bodies);
      },
      answerSoon: (id, facts) => {
        this.#settled();
        of.link.sendSoon(operation.done, id, facts);
      },
      fail: (id, error) => {
        this.#settled();
        of.link.send(operation.failed, id, toErrorBody(AgentFlowError.from(error, "the bus")));
      },
    };
    for (const make of [logHandlers, tableHandlers, queueHandlers, wireHandlers, blobHandlers]) {
      const { on, gone } = make(talk);
      for (const [code, handler] of Object.entries(on)) this.#handlers.set(Number(code), handler);
      if (gone !== undefined) this.#gone.push(gone);
    }
    this.#fail = (id, error) => talk.fail(id, error);
  }

  readonly #fail: (id: number, error: unknown) => void;

  message(message: Message): void {
    const handler = this.#handlers.get(message.operation);
    if (handler === undefined) throw malformed(`operation ${message.operation}`);
    if (silent.has(message.operation)) return handler(message);
    this.#open++;
    if (this.#open > socketLimits.requestsOpen && !this.#paused) {
      this.#paused = true;
      this.#link.pause();
    }
    try {
      handler(message);
    } catch (error) {
      if (AgentFlowError.is(error) && error.reason === malformedReason) throw error;
      this.#fail(message.id, error);
    }
  }

  gone(): void {
    for (const gone of this.#gone) gone();
  }

  #settled(): void {
    this.#open--;
    if (!this.#paused || this.#open > socketLimits.requestsOpen / 2) return;
    this.#paused = false;
    this.#link.resume();
  }
}
