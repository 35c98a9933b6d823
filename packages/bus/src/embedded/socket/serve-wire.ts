import { AgentFlowError, type Subject } from "@agentflow/protocol";
import type { Reply } from "../switchboard.ts";
import { checkWireFilter } from "../../port/check.ts";
import { checkRequest, wireLimits } from "../wire.ts";
import type { Link } from "./link.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";
import type { Handlers, Talk } from "./talk.ts";

/** Calls that a client has not answered; their askers have long been told when the oldest is forgotten. */
const callsMax = 50_000;

export function wireHandlers(talk: Talk): Handlers {
  const { wire } = talk.bus;
  const { board } = wire;
  const { link } = talk;
  const stops = new Map<number, () => void>();
  const calls = new Map<number, Reply>();
  let lastCall = 0;
  const call = (server: number, subject: Subject, body: string, reply: Reply): void => {
    lastCall++;
    calls.set(lastCall, reply);
    if (calls.size > callsMax) {
      const oldest = calls.keys().next();
      if (oldest.done !== true) calls.delete(oldest.value);
    }
    link.send(operation.call, lastCall, [server, subject], [body]);
  };
  const answered = (id: number): Reply | undefined => {
    const reply = calls.get(id);
    calls.delete(id);
    return reply;
  };
  const stop = (id: number, facts: unknown): void => {
    const which = parse.count(parse.tuple(facts, 1)[0]);
    stops.get(which)?.();
    stops.delete(which);
    talk.answer(id);
  };
  return {
    gone: () => {
      for (const end of stops.values()) end();
      for (const reply of calls.values()) reply(lostServer(), "");
      calls.clear();
    },
    on: {
      [operation.request]: ({ id, facts, bodies }) => {
        const [name, timeoutMs] = parse.tuple(facts, 2);
        const of = {
          subject: parse.subject(name),
          body: parse.body(bodies),
          timeoutMs: parse.count(timeoutMs),
        };
        checkRequest(of.subject, of.body, of.timeoutMs);
        board.request(of, (error, answer) => {
          if (error === undefined) talk.answer(id, null, [answer]);
          else talk.fail(id, error);
        });
      },
      [operation.serve]: ({ id, facts }) => {
        const [server, name] = parse.tuple(facts, 2);
        const which = parse.count(server);
        const served = parse.filter(name);
        checkWireFilter(served);
        stops.set(
          which,
          board.serve(served, (body, subject, reply) => call(which, subject, body, reply)),
        );
        talk.answer(id);
      },
      [operation.stopServing]: ({ id, facts }) => stop(id, facts),
      [operation.done]: ({ id, bodies }) => answered(id)?.(undefined, parse.body(bodies)),
      [operation.failed]: ({ id, facts }) => answered(id)?.(parse.error(facts), ""),
      [operation.publish]: ({ facts, bodies }) => {
        const [name] = parse.tuple(facts, 1);
        wire.publish(parse.subject(name), parse.body(bodies));
      },
      [operation.subscribe]: ({ id, facts }) => {
        const [subscription, name] = parse.tuple(facts, 2);
        const which = parse.count(subscription);
        const subject = parse.filter(name);
        checkWireFilter(subject);
        const outbox = new Outbox(link, which);
        stops.set(
          which,
          board.subscribe(subject, (body, from) => outbox.put(body, from)),
        );
        talk.answer(id);
      },
      [operation.unsubscribe]: ({ id, facts }) => stop(id, facts),
    },
  };
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
