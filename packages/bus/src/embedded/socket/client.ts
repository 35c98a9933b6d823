import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { AgentFlowError } from "@agentflow/protocol";
import type { LocalDelivery } from "../queue/local-delivery.ts";
import { type Timed, Wheel } from "../wheel.ts";
import type { Message } from "./frame.ts";
import { Link } from "./link.ts";
import { operation, protocolVersion } from "./operations.ts";
import * as parse from "./parse-message.ts";

export interface ClientOptions {
  readonly path: string;
  readonly token: string;
  /** False: the first lost connection is the end. Default true: it comes back, however long it takes. */
  readonly reconnect?: boolean;
  /** Ends the client when the owner was not to be reached for so long. Default: never. */
  readonly ownerGoneMs?: number;
  /** How long what needs the owner waits for it to come back. Default 5,000. */
  readonly offlineMs?: number;
}

export interface CallOptions {
  /** True: harmless to do twice, so a lost answer is asked for again. */
  readonly again?: boolean;
  /** How long the answer may take once it was sent; Infinity for what waits for something to happen. */
  readonly answerMs?: number;
  /** True: waits for the owner however long it is away. */
  readonly patient?: boolean;
  /** False: it may leave a few milliseconds later, with others. */
  readonly hurry?: boolean;
}

/** Something the owner must be told anew on each connection, before anything else is sent. */
export interface Attachment {
  attach(): void;
  /** What the owner sends for it: delivered tasks, calls, messages. */
  message(message: Message): void;
  /** The connection it was attached on is gone. */
  lost?(error: AgentFlowError): void;
  /** The client has ended for good. */
  ended(error: AgentFlowError): void;
}

const backoffMs = { first: 50, most: 2_000 } as const;
const answerMsDefault = 30_000;
const offlineMsDefault = 5_000;
const callsWaitingMax = 100_000;

/** One process's connection to the owner: calls and their answers, lost connections and new ones. */
export class Client {
  readonly #options: ClientOptions;
  readonly #session = randomUUID();
  readonly #wheel = new Wheel();
  readonly #calls = new Map<number, Call>();
  readonly #attachments = new Map<number, Attachment>();
  readonly #closed = Promise.withResolvers<Error | undefined>();
  readonly #greeted = Promise.withResolvers<void>();
  #link: Link | undefined;
  #isGreeted = false;
  #end: AgentFlowError | undefined;
  #lastId = 0;
  #backoffMs: number = backoffMs.first;
  #retry: NodeJS.Timeout | undefined;
  #goneSince: number | undefined;
  /** What this process held when a connection was lost, until it is resumed or known to be another's. */
  readonly leftBehind = new Map<string, LocalDelivery>();
  durability = "";

  constructor(options: ClientOptions) {
    this.#options = options;
    // Nobody may be waiting for it any more when it fails.
    this.#greeted.promise.catch(() => {});
    this.#connect();
  }

  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** Why no more calls are taken, once that is so. */
  get end(): AgentFlowError | undefined {
    return this.#end;
  }

  /** Resolves with the first welcome; throws when there was none within `offlineMs`, or a refusal. */
  async greeted(): Promise<void> {
    const { offlineMs = offlineMsDefault, path } = this.#options;
    const late = setTimeout(() => {
      this.finish(offline(`nobody answers on ${path}`));
    }, offlineMs);
    try {
      await this.#greeted.promise;
    } finally {
      clearTimeout(late);
    }
  }

  get isConnected(): boolean {
    return this.#isGreeted;
  }

  newId(): number {
    return ++this.#lastId;
  }

  /** Resolves with the owner's answer. */
  call(
    of: { code: number; facts?: unknown; bodies?: readonly string[]; id?: number },
    options: CallOptions = {},
  ): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end);
      if (this.#calls.size >= callsWaitingMax) return reject(offline("too much waits for the owner"));
      const id = of.id ?? this.newId();
      const call: Call = {
        message: { operation: of.code, id, facts: of.facts ?? null, bodies: of.bodies ?? [] },
        options,
        isSent: false,
        resolve,
        reject,
        slot: undefined,
        expire: () => this.#expired(call),
      };
      this.#calls.set(id, call);
      if (this.#isGreeted) this.#send(call);
      else this.#wait(call);
    });
  }

  /** Says something that has no answer; lost when there is no connection. */
  tell(of: { code: number; id?: number; facts?: unknown; bodies?: readonly string[] }): void {
    if (this.#isGreeted) this.#link?.send(of.code, of.id ?? 0, of.facts ?? null, of.bodies);
  }

  /** The connection of now; another one after each loss. */
  get link(): Link | undefined {
    return this.#link;
  }

  attach(id: number, attachment: Attachment): void {
    this.#attachments.set(id, attachment);
    if (this.#isGreeted) attachment.attach();
  }

  detach(id: number): void {
    this.#attachments.delete(id);
  }

  /** The end for good: with an error, or without one when the user closed it. */
  finish(error: AgentFlowError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = error ?? new AgentFlowError("unavailable", "the bus is closed", { reason: "closed" });
    clearTimeout(this.#retry);
    this.#isGreeted = false;
    this.#link?.close();
    this.#wheel.close();
    for (const call of this.#calls.values()) call.reject(this.#end);
    this.#calls.clear();
    for (const attachment of this.#attachments.values()) attachment.ended(this.#end);
    this.#attachments.clear();
    this.#greeted.reject(this.#end);
    this.#closed.resolve(error);
  }

  #connect(): void {
    const socket: Socket = connect(this.#options.path);
    const link: Link = new Link(socket, {
      message: (message) => this.#message(message),
      closed: (error) => this.#lost(link, error),
    });
    this.#link = link;
    socket.once("connect", () => {
      link.send(operation.hello, 0, [protocolVersion, this.#options.token, this.#session]);
    });
  }

  #message(message: Message): void {
    if (message.operation === operation.done && message.id !== 0) return this.#answered(message, undefined);
    if (message.operation === operation.failed) return this.#answered(message, parse.error(message.facts));
    if (message.operation === operation.bye) return this.#refused(parse.error(message.facts));
    if (message.operation === operation.done) return this.#welcome(message);
    const [which] = parse.tuple(message.facts, 1);
    this.#attachments.get(parse.count(which))?.message(message);
  }

  #welcome(message: Message): void {
    const [, , durability] = parse.tuple(message.facts, 3);
    this.durability = parse.text(durability);
    this.#isGreeted = true;
    this.#backoffMs = backoffMs.first;
    this.#goneSince = undefined;
    this.#greeted.resolve();
    // First whose leases and streams these are, then what is asked about them.
    for (const attachment of this.#attachments.values()) attachment.attach();
    for (const call of this.#calls.values()) if (!call.isSent) this.#send(call);
  }

  /** The owner's last words: some refusals stay the same however often one asks. */
  #refused(error: AgentFlowError): void {
    const forGood = ["unauthenticated", "refused", "forbidden"].includes(error.code);
    if (forGood) this.finish(error);
  }

  #answered(message: Message, error: AgentFlowError | undefined): void {
    const call = this.#calls.get(message.id);
    if (call === undefined) return;
    this.#calls.delete(message.id);
    this.#wheel.remove(call);
    if (error === undefined) call.resolve(message);
    else call.reject(error);
  }

  #lost(link: Link, error: AgentFlowError | undefined): void {
    if (this.#link !== link || this.#end !== undefined) return;
    this.#isGreeted = false;
    const gone = lostError();
    for (const attachment of this.#attachments.values()) attachment.lost?.(gone);
    for (const call of this.#calls.values()) if (call.isSent) this.#unanswered(call);
    if (this.#options.reconnect === false) {
      return this.finish(error ?? offline("the owner of the state closed the connection"));
    }
    this.#goneSince ??= performance.now();
    const { ownerGoneMs = Infinity } = this.#options;
    const left = this.#goneSince + ownerGoneMs - performance.now();
    if (left <= 0) return this.finish(offline(`the owner of the state is gone for ${ownerGoneMs} ms`));
    this.#retry = setTimeout(() => this.#connect(), Math.min(this.#backoffMs, left));
    this.#backoffMs = Math.min(this.#backoffMs * 2, backoffMs.most);
  }

  /** It was sent and no answer came: done or not, nobody here knows. */
  #unanswered(call: Call): void {
    this.#wheel.remove(call);
    if (call.options.again === true) {
      call.isSent = false;
      return this.#wait(call);
    }
    this.#calls.delete(call.message.id);
    call.reject(lostError());
  }

  #send(call: Call): void {
    call.isSent = true;
    this.#wheel.remove(call);
    const { answerMs = answerMsDefault } = call.options;
    if (answerMs !== Infinity) this.#wheel.add(call, answerMs);
    const { operation: code, id, facts, bodies } = call.message;
    if (call.options.hurry === false && bodies.length === 0) this.#link?.sendSoon(code, id, facts);
    else this.#link?.send(code, id, facts, bodies);
  }

  #wait(call: Call): void {
    if (call.options.patient !== true) this.#wheel.add(call, this.#options.offlineMs ?? offlineMsDefault);
  }

  #expired(call: Call): void {
    this.#calls.delete(call.message.id);
    if (!call.isSent) return call.reject(offline("the owner of the state is not there"));
    call.reject(
      new AgentFlowError("timeout", "the owner of the state did not answer in time", {
        reason: "no_answer",
        details: { ambiguous: true },
      }),
    );
  }
}

export const connectionLost = "connection_lost";

interface Call extends Timed {
  readonly message: Message;
  readonly options: CallOptions;
  isSent: boolean;
  readonly resolve: (message: Message) => void;
  readonly reject: (error: AgentFlowError) => void;
}

function lostError(): AgentFlowError {
  return new AgentFlowError("unavailable", "the connection to the owner of the state was lost", {
    reason: connectionLost,
    details: { ambiguous: true },
    suggestions: ["what was asked for may have been done: look before doing it again"],
  });
}

function offline(message: string): AgentFlowError {
  return new AgentFlowError("unavailable", message, {
    reason: "owner_away",
    details: { ambiguous: false },
    suggestions: ["start it, for example with `af dev`"],
  });
}
