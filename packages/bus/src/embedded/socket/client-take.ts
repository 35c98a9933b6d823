import { AgentFlowError } from "@agentflow/protocol";
import type { TakeOptions } from "../../port/index.ts";
import { Channel } from "../../shared/channel.ts";
import { type LeaseHolder, LocalDelivery } from "../queue/local-delivery.ts";
import type { Attachment, Client } from "./client.ts";
import type { Message } from "./frame.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";

/** One `take` through the socket, for as long as its connection lasts. */
export class ClientTake implements Attachment {
  readonly #client: Client;
  readonly #options: TakeOptions;
  readonly #id: number;
  readonly #ready = new Channel<LocalDelivery>();
  readonly #held = new Map<string, LocalDelivery>();
  readonly #leases: LeaseHolder;
  #isTaking = true;
  #isAttached = false;
  #end: AgentFlowError | undefined;

  constructor(client: Client, options: TakeOptions) {
    this.#client = client;
    this.#options = options;
    this.#id = client.newId();
    this.#leases = this.#makeLeases();
    client.attach(this.#id, this);
    if (client.end !== undefined) this.ended(client.end);
  }

  /** The next delivery; undefined once it was stopped. Throws when it was refused or its connection lost. */
  async next(): Promise<LocalDelivery | undefined> {
    const ready = await this.#ready.ready();
    if (this.#end !== undefined && this.#end.reason !== "closed") throw this.#end;
    return ready ? this.#ready.shift() : undefined;
  }

  attach(): void {
    if (this.#isAttached) return;
    this.#isAttached = true;
    const { subjects, holder, slots, leaseMs, resume = [] } = this.#options;
    const facts = [this.#id, subjects, holder, whole(slots), whole(leaseMs), resume];
    this.#client.call({ code: operation.take, facts }).catch((error: unknown) => {
      this.#over(AgentFlowError.from(error, "taking tasks"));
    });
  }

  message({ operation: code, facts, bodies }: Message): void {
    const [, name] = parse.tuple(facts, 2);
    const id = parse.text(name);
    if (code === operation.lost) return this.#lose(id);
    const [, , subject, number] = parse.tuple(facts, 4);
    const given = { id, subject: parse.subject(subject), body: parse.body(bodies) };
    const local = new LocalDelivery({ ...given, delivery: parse.count(number) }, this.#leases);
    this.#client.leftBehind.delete(id);
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

  /** The connection is gone: whoever works on a task goes on, and asks for it by `resume`. */
  lost(error: AgentFlowError): void {
    if (!this.#isAttached) return;
    for (const { id } of this.#ready.drain()) this.#held.delete(id);
    for (const [id, delivery] of this.#held) this.#client.leftBehind.set(id, delivery);
    this.#over(error);
  }

  ended(error: AgentFlowError): void {
    for (const delivery of this.#held.values()) delivery.lose();
    this.#over(error);
  }

  #over(error: AgentFlowError): void {
    this.#end ??= error;
    this.#isTaking = false;
    this.#client.detach(this.#id);
    this.#ready.end();
  }

  #giveBack(unseen: readonly LocalDelivery[]): void {
    for (const { id } of unseen) this.#held.delete(id);
    this.#client.tell({ code: operation.stopTaking, facts: [this.#id, unseen.map(({ id }) => id)] });
  }

  #lose(id: string): void {
    this.#client.leftBehind.get(id)?.lose();
    this.#client.leftBehind.delete(id);
    this.#held.get(id)?.lose();
    this.#ready.replace(this.#ready.drain().filter((delivery) => delivery.id !== id));
    this.#settle(id);
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
      const answer = await this.#client.call({ code, facts: [this.#id, ...facts], bodies });
      return parse.flag(answer.facts);
    };
    // Its slot was free since it was reported, so nobody waits for an acknowledgement.
    const acknowledge = async (id: string, delivery: number) => {
      const hurry = this.#held.size >= this.#options.slots;
      const facts = [this.#id, id, delivery];
      return parse.flag((await this.#client.call({ code: operation.ack, facts }, { hurry })).facts);
    };
    const settling = async (id: string, answer: Promise<boolean>): Promise<boolean> => {
      const done = await answer;
      this.#client.leftBehind.delete(id);
      this.#settle(id);
      return done;
    };
    return {
      reporting: (id, delivery) =>
        this.#client.tell({ code: operation.reporting, facts: [this.#id, id, delivery] }),
      ack: (id, delivery) => settling(id, acknowledge(id, delivery)),
      release: ({ id, delivery, delayMs }) =>
        settling(id, ask(operation.release, [id, delivery, whole(Math.max(0, delayMs))])),
      extend: (id, delivery) => ask(operation.extend, [id, delivery]),
      bury: ({ id, delivery, reason }) => settling(id, ask(operation.bury, [id, delivery], [reason])),
    };
  }
}

/** As it may stand in a message. */
function whole(number: number): number {
  return Math.ceil(Math.min(number, Number.MAX_SAFE_INTEGER));
}
