import type { Subject } from "@agentflow/protocol";
import type { Delivery } from "../../port/index.ts";

/** Who answers for the leases of deliveries: the queue itself, or the socket to it. */
export interface LeaseHolder {
  reporting(id: string, delivery: number): void;
  ack(id: string, delivery: number): boolean | Promise<boolean>;
  release(of: { id: string; delivery: number; delayMs: number }): boolean | Promise<boolean>;
  extend(id: string, delivery: number): boolean | Promise<boolean>;
  bury(of: { id: string; delivery: number; reason: string }): Promise<boolean>;
}

/** A delivery as its taker holds it. The abort signal is only made for who asks for it. */
export class LocalDelivery implements Delivery {
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
  readonly delivery: number;
  readonly #leases: LeaseHolder;
  #lost: AbortController | undefined;
  #isLost = false;

  constructor(of: { id: string; subject: Subject; body: string; delivery: number }, leases: LeaseHolder) {
    this.id = of.id;
    this.subject = of.subject;
    this.body = of.body;
    this.delivery = of.delivery;
    this.#leases = leases;
  }

  get lost(): AbortSignal {
    if (this.#lost === undefined) {
      this.#lost = new AbortController();
      if (this.#isLost) this.#lost.abort();
    }
    return this.#lost.signal;
  }

  reporting(): void {
    this.#leases.reporting(this.id, this.delivery);
  }

  async ack(): Promise<boolean> {
    return this.#leases.ack(this.id, this.delivery);
  }

  async release(delayMs: number): Promise<boolean> {
    return this.#leases.release({ id: this.id, delivery: this.delivery, delayMs });
  }

  async extend(): Promise<boolean> {
    return this.#leases.extend(this.id, this.delivery);
  }

  bury(reason: string): Promise<boolean> {
    return this.#leases.bury({ id: this.id, delivery: this.delivery, reason });
  }

  lose(): void {
    this.#isLost = true;
    // Later: whoever listens may call the queue, which is in the middle of something now.
    if (this.#lost !== undefined) queueMicrotask(() => this.#lost?.abort());
  }
}
