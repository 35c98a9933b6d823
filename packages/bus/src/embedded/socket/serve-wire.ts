import { AgentFlowError, type Subject } from "@agentflow/protocol";
import type { Reply } from "../switchboard.ts";
import { checkWireFilter } from "../../port/check.ts";
import { checkRequest, wireLimits } from "../../shared/wire-inbox.ts";
import type { Message } from "./frame.ts";
import type { Link } from "./link.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";
import type { Handlers, Talk } from "./talk.ts";

/** Calls that a client has not answered; their askers have long been told when the oldest is forgotten. */
const callsMax = 50_000;

export function wireHandlers(talk: Talk): Handlers {
  const { wire } = talk.bus;
  const { board } = wire;
  const calls = new Calls(talk.link);
  const stops = new Map<number, () => void>();
  const stop = ({ id, facts }: Message): void => {
    const which = parse.count(parse.tuple(facts, 1)[0]);
    stops.get(which)?.();
    stops.delete(which);
    talk.answer(id);
  };
  /** [number, subject]: what the client serves or listens to under that number. */
  const start = ({ id, facts }: Message, begin: (which: number, subject: Subject) => () => void): void => {
    const [number, name] = parse.tuple(facts, 2);
    const [which, subject] = [parse.count(number), parse.filter(name)];
    checkWireFilter(subject);
    stops.set(which, begin(which, subject));
    talk.answer(id);
  };
  return {
    gone: () => {
      for (const end of stops.values()) end();
      calls.close();
    },
    on: {
      [operation.request]: (message) => request(talk, message),
      [operation.serve]: (message) =>
        start(message, (which, served) =>
          board.serve(served, (body, subject, reply) => calls.make({ which, subject, body }, reply)),
        ),
      [operation.stopServing]: stop,
      [operation.done]: ({ id, bodies }) => calls.answered(id)?.(undefined, parse.body(bodies)),
      [operation.failed]: ({ id, facts }) => calls.answered(id)?.(parse.error(facts), ""),
      [operation.publish]: ({ facts, bodies }) => {
        const [name] = parse.tuple(facts, 1);
        wire.publish(parse.subject(name), parse.body(bodies));
      },
      [operation.subscribe]: (message) =>
        start(message, (which, subject) => {
          const outbox = new Outbox(talk.link, which);
          return board.subscribe(subject, (body, from) => outbox.put(body, from));
        }),
      [operation.unsubscribe]: stop,
    },
  };
}

function request(talk: Talk, { id, facts, bodies }: Message): void {
  const [name, timeout] = parse.tuple(facts, 2);
  const [subject, body, timeoutMs] = [parse.subject(name), parse.body(bodies), parse.count(timeout)];
  checkRequest(subject, body, timeoutMs);
  talk.bus.wire.board.request({ subject, body, timeoutMs }, (error, answer) => {
    if (error === undefined) talk.answer(id, null, [answer]);
    else talk.fail(id, error);
  });
}

/** Requests that the client serves and has not answered. */
class Calls {
  readonly #link: Link;
  readonly #open = new Map<number, Reply>();
  #last = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  make(of: { which: number; subject: Subject; body: string }, reply: Reply): void {
    this.#last++;
    this.#open.set(this.#last, reply);
    if (this.#open.size > callsMax) {
      const oldest = this.#open.keys().next();
      if (oldest.done !== true) this.#open.delete(oldest.value);
    }
    this.#link.send(operation.call, this.#last, [of.which, of.subject], [of.body]);
  }

  answered(id: number): Reply | undefined {
    const reply = this.#open.get(id);
    this.#open.delete(id);
    return reply;
  }

  close(): void {
    for (const reply of this.#open.values()) reply(lostServer(), "");
    this.#open.clear();
  }
}

function lostServer(): AgentFlowError {
  return new AgentFlowError("unavailable", "whoever served this request is gone", {
    reason: "server_lost",
    details: { ambiguous: true },
  });
}

/** What waits for one subscriber while its socket is full; the oldest make room, and are counted. */
class Outbox {
  readonly #link: Link;
  readonly #subscription: number;
  #waiting: { body: string; subject: Subject }[] = [];
  #dropped = 0;
  #isWaiting = false;

  constructor(link: Link, subscription: number) {
    this.#link = link;
    this.#subscription = subscription;
  }

  put(body: string, subject: Subject): void {
    if (!this.#isWaiting && !this.#link.isCongested) return this.#send(body, subject);
    this.#waiting.push({ body, subject });
    if (this.#waiting.length > wireLimits.messagesWaiting) {
      this.#waiting.shift();
      this.#dropped++;
    }
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#link.onceDrained(() => this.#drained());
  }

  #drained(): void {
    this.#isWaiting = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { body, subject } of waiting) this.#send(body, subject);
  }

  #send(body: string, subject: Subject): void {
    this.#link.send(operation.message, 0, [this.#subscription, subject, this.#dropped], [body]);
    this.#dropped = 0;
  }
}
