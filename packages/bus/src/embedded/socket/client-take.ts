import { AgentFlowError } from "@agentflow/protocol";
import type { TakeOptions } from "../../port/index.ts";
import { Channel } from "../channel.ts";
import { type LeaseHolder, LocalDelivery } from "../queue/local-delivery.ts";
import { type Attachment, type Client, connectionLost } from "./client.ts";
import type { Message } from "./frame.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";

/** One `take` through the socket: after a lost connection it takes on, and keeps what it held if it can. */
export class ClientTake implements Attachment {
  readonly #client: Client;
  readonly #options: TakeOptions;
  readonly #id: number;
  readonly #ready = new Channel<LocalDelivery>();
  readonly #held = new Map<string, LocalDelivery>();
  /** Named by the user as held from before, and not yet given or refused. */
  readonly #named: Set<string>;
  readonly #leases: LeaseHolder;
  #isTaking = true;
  #refused: AgentFlowError | undefined;

  constructor(client: Client, options: TakeOptions) {
    this.#client = client;
    this.#options = options;
    this.#id = client.newId();
    this.#named = new Set(options.resume);
    this.#leases = this.#makeLeases();
    client.attach(this.#id, this);
    if (client.end !== undefined) this.ended();
  }

  /** The next delivery; undefined once it was stopped. Throws when the owner refused the take. */
  async next(): Promise<LocalDelivery | undefined> {
    const ready = await this.#ready.ready();
    if (this.#refused !== undefined) throw this.#refused;
    return ready ? this.#ready.shift() : undefined;
  }

  attach(): void {
    const { subjects, holder, slots, leaseMs } = this.#options;
    const resume = [...new Set([...this.#held.keys(), ...this.#named])];
    const facts = [this.#id, this.#isTaking ? subjects : [], holder, slots, leaseMs, resume];
    this.#client.call({ code: operation.take, facts }, { patient: true }).catch((error: unknown) => {
      if (AgentFlowError.is(error) && error.reason === connectionLost) return;
      this.#refused = AgentFlowError.from(error, "taking tasks");
      this.#client.detach(this.#id);
      this.#ready.end();
    });
  }

  message({ operation: code, facts, bodies }: Message): void {
    const [, name] = parse.tuple(facts, 2);
    const id = parse.text(name);
    if (code === operation.lost) return this.#lose(id);
    const [, , subject, number] = parse.tuple(facts, 4);
    const delivery = parse.count(number);
    const held = code === operation.resumed ? this.#held.get(id) : undefined;
    this.#named.delete(id);
    if (held !== undefined) {
      held.leaseNumber = delivery;
      return;
    }
    const given = { id, subject: parse.subject(subject), body: parse.body(bodies), delivery };
    const local = new LocalDelivery(given, this.#leases);
    this.#held.get(id)?.lose();
    this.#held.set(id, local);
    if (this.#isTaking) this.#ready.push(local);
    else this.#giveBack([local]);
  }

  stop(): void {
    if (!this.#isTaking) return;
    this.#isTaking = false;
    this.#giveBack(this.#ready.drain());
    this.#ready.end();
    this.#leaveIfDone();
  }

  ended(): void {
    this.#isTaking = false;
    this.#ready.end();
    for (const delivery of this.#held.values()) delivery.lose();
  }

  #giveBack(unseen: readonly LocalDelivery[]): void {
    for (const { id } of unseen) this.#held.delete(id);
    this.#client.tell({ code: operation.stopTaking, facts: [this.#id, unseen.map(({ id }) => id)] });
  }

  #lose(id: string): void {
    this.#named.delete(id);
    this.#held.get(id)?.lose();
    this.#settle(id);
    this.#ready.replace(this.#ready.drain().filter((delivery) => delivery.id !== id));
  }

  #settle(id: string): void {
    this.#held.delete(id);
    this.#leaveIfDone();
  }

  #leaveIfDone(): void {
    if (!this.#isTaking && this.#held.size === 0) this.#client.detach(this.#id);
  }

  #makeLeases(): LeaseHolder {
    const ask = async (code: number, facts: readonly unknown[], bodies: readonly string[] = []) => {
      const answer = await this.#client.call({ code, facts: [this.#id, ...facts], bodies }, { again: true });
      return parse.flag(answer.facts);
    };
    const settling = async (id: string, answer: Promise<boolean>): Promise<boolean> => {
      const done = await answer;
      this.#settle(id);
      return done;
    };
    return {
      ack: (id, delivery) => settling(id, ask(operation.ack, [id, delivery])),
      release: ({ id, delivery, delayMs }) => {
        const wholeMs = Math.max(0, Math.ceil(delayMs));
        return settling(id, ask(operation.release, [id, delivery, wholeMs]));
      },
      extend: (id, delivery) => ask(operation.extend, [id, delivery]),
      bury: ({ id, delivery, reason }) => settling(id, ask(operation.bury, [id, delivery], [reason])),
    };
  }
}
