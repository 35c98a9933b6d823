import { AgentFlowError, type Subject } from "@agentflow/protocol";
import type { Timed, Wheel } from "./wheel.ts";

export type Reply = (error: AgentFlowError | undefined, body: string) => void;
/** Answers one request, at once or later; only the first answer counts. */
export type Server = (body: string, subject: Subject, reply: Reply) => void;
export type Subscriber = (body: string, subject: Subject) => void;

/** Requests and live messages inside the owner: who serves what, who hears what. Nothing is kept. */
export class Switchboard {
  readonly #wheel: Wheel;
  readonly #servers = new Map<string, Ring>();
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #open = new Set<OpenRequest>();

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
  }

  request(of: { subject: Subject; body: string; timeoutMs: number }, reply: Reply): void {
    const server = this.#serverOf(of.subject);
    if (server === undefined) {
      const error = new AgentFlowError("unavailable", `nobody serves ${of.subject}`, {
        reason: "no_server",
        details: { ambiguous: false },
      });
      return reply(error, "");
    }
    const open: OpenRequest = new OpenRequest(of, (error, body) => {
      this.#open.delete(open);
      this.#wheel.remove(open);
      reply(error, body);
    });
    this.#open.add(open);
    this.#wheel.add(open, of.timeoutMs);
    server(of.body, of.subject, open.answer);
  }

  /** Nobody is served any more; what was asked and not answered may have been done. */
  close(): void {
    this.#servers.clear();
    this.#subscribers.clear();
    for (const open of this.#open) {
      const details = { ambiguous: true };
      open.answer(new AgentFlowError("unavailable", "the bus was closed", { reason: "closed", details }), "");
    }
  }

  serve(subject: Subject, server: Server): () => void {
    let ring = this.#servers.get(subject);
    if (ring === undefined) {
      ring = { servers: [], turn: 0 };
      this.#servers.set(subject, ring);
    }
    const { servers } = ring;
    servers.push(server);
    return () => {
      const at = servers.indexOf(server);
      if (at >= 0) servers.splice(at, 1);
      if (servers.length === 0) this.#servers.delete(subject);
    };
  }

  publish(subject: Subject, body: string): void {
    if (this.#subscribers.size === 0) return;
    for (let key: string = subject; key !== ""; key = prefixAbove(key)) {
      const subscribers = this.#subscribers.get(key);
      if (subscribers !== undefined) for (const subscriber of subscribers) subscriber(body, subject);
    }
  }

  subscribe(subject: Subject, subscriber: Subscriber): () => void {
    let all = this.#subscribers.get(subject);
    if (all === undefined) {
      all = new Set();
      this.#subscribers.set(subject, all);
    }
    const of = all;
    of.add(subscriber);
    return () => {
      of.delete(subscriber);
      if (of.size === 0 && this.#subscribers.get(subject) === of) this.#subscribers.delete(subject);
    };
  }

  #serverOf(subject: Subject): Server | undefined {
    for (let key: string = subject; key !== ""; key = prefixAbove(key)) {
      const ring = this.#servers.get(key);
      if (ring === undefined) continue;
      ring.turn = (ring.turn + 1) % ring.servers.length;
      return ring.servers[ring.turn];
    }
    return undefined;
  }
}

interface Ring {
  readonly servers: Server[];
  turn: number;
}

class OpenRequest implements Timed {
  slot: Set<Timed> | undefined;
  readonly #of: { subject: Subject; timeoutMs: number };
  #reply: Reply | undefined;

  constructor(of: { subject: Subject; timeoutMs: number }, reply: Reply) {
    this.#of = of;
    this.#reply = reply;
  }

  readonly answer: Reply = (error, body) => {
    const reply = this.#reply;
    this.#reply = undefined;
    reply?.(error, body);
  };

  expire(): void {
    const { subject, timeoutMs } = this.#of;
    this.answer(
      new AgentFlowError("timeout", `no answer on ${subject} within ${timeoutMs} ms`, {
        reason: "no_answer",
        details: { ambiguous: true },
      }),
      "",
    );
  }
}

/** From `a.b.c` over `a.b.` to `a.`, the longest first, and at last to nothing. */
function prefixAbove(key: string): string {
  const at = key.lastIndexOf(".", key.length - 2);
  return at > 0 ? key.slice(0, at + 1) : "";
}
