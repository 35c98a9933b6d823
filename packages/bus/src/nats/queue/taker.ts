/** One `take`: asks for as many tasks as it has slots, keeps their leases by the clock, says how they end. */
import { AgentFlowError } from "@agentflow/protocol";
import type { TakeOptions } from "../../port/index.ts";
import { closedError } from "../errors.ts";
import { natsLimits } from "../limits.ts";
import { graceMs } from "./consumers.ts";
import type { Desk } from "./desk.ts";
import { type Handed, Held, type Keeper } from "./held.ts";
import { Puller } from "./puller.ts";

const tickMsMin = 15;

export class Taker implements Keeper {
  readonly options: TakeOptions;
  readonly #desk: Desk;
  readonly #held = new Set<Held>();
  #ready: Held[] = [];
  readonly #pullers: Puller[];
  readonly #undo: (() => void)[] = [];
  readonly #serverLeaseMs: number;
  readonly #tickMs: number;
  #ticker: NodeJS.Timeout | undefined;
  #tickedAt = performance.now();
  #isOpen = true;
  #end: AgentFlowError | undefined;
  #wake: (() => void) | undefined;
  #claimed: (() => void) | undefined;
  #willPull = false;

  constructor(desk: Desk, options: TakeOptions) {
    this.#desk = desk;
    this.options = options;
    this.#serverLeaseMs = options.leaseMs + graceMs(options.leaseMs);
    this.#tickMs = Math.max(tickMsMin, graceMs(options.leaseMs) / 3);
    const { link, streams } = desk;
    this.#pullers = [...new Set(options.subjects)].map(
      (subject) =>
        new Puller({
          link,
          streams,
          subject,
          arrived: (handed) => desk.arrived(handed, this),
          changed: () => this.#pullSoon(),
          restarted: () => this.#restarted(),
          failed: (error) => this.#fail(error),
        }),
    );
  }

  async start(): Promise<void> {
    const { link } = this.#desk;
    const { signal, subjects } = this.options;
    const stop = (): void => this.stop();
    signal.addEventListener("abort", stop);
    this.#undo.push(
      () => signal.removeEventListener("abort", stop),
      link.onClose(() => this.#fail(closedError())),
      link.onReconnect(() => this.#pullers.forEach((puller) => void puller.start())),
      ...subjects.map((subject) => this.#desk.listen(subject)),
    );
    this.#tick();
    await this.#resume();
    for (const subject of subjects) this.#desk.say(subject, { kind: "hello" });
    // Who claims a task says so now; a task that came first would be run by two.
    await new Promise((resolve) => setTimeout(resolve, natsLimits.helloMs));
    if (!this.#isOpen) return;
    for (const puller of this.#pullers) void puller.start();
  }

  /** The next delivery; undefined once it was stopped. Throws when the queue was lost. */
  async next(): Promise<Held | undefined> {
    for (;;) {
      if (this.#end !== undefined) throw this.#end;
      if (!this.#isOpen) return undefined;
      const held = this.#ready.shift();
      if (held?.isCurrent === true) return held;
      if (held !== undefined) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What was seen stays held; what was not goes back at once. */
  stop(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const undo of this.#undo.splice(0)) undo();
    for (const puller of this.#pullers) puller.stop();
    this.#desk.unclaim(this);
    for (const held of this.#ready.splice(0)) {
      if (!held.isCurrent) continue;
      held.isCurrent = false;
      this.#drop(held);
      this.#desk.giveBack(held.handed);
    }
    this.#awake();
  }

  accept(handed: Handed): void {
    const { isResumed, ackSubject } = handed;
    if (!this.#isOpen || (!isResumed && this.#room() <= 0)) return this.#desk.giveBack(handed);
    const { deliveriesMax } = natsLimits;
    if (handed.delivered > deliveriesMax && !isResumed) {
      return this.#desk.after(
        this.#desk.bury(handed, `it was handed out ${deliveriesMax} times without an end`),
      );
    }
    const held = new Held(handed, this, this.#arrivedAt() + this.options.leaseMs);
    this.#held.add(held);
    this.#desk.held.set(handed.id, held);
    if (isResumed || !this.#isUsualLease()) this.#desk.link.send(ackSubject, this.#leaseWord());
    this.#ready.push(held);
    this.#tick();
    this.#awake();
    this.#claimed?.();
  }

  announce(): void {
    const { subjects, holder } = this.options;
    const ids = this.#desk.claimsOf(this);
    const { inbox } = this.#desk;
    if (ids.length > 0)
      for (const subject of subjects) this.#desk.say(subject, { kind: "claim", ids, holder, inbox });
  }

  forget(held: Held): void {
    held.isCurrent = false;
    this.#drop(held);
    this.#pullSoon();
  }

  reporting(held: Held): void {
    if (held.isReporting || !this.#holds(held)) return;
    held.isReporting = true;
    this.#pullSoon();
  }

  async ack(held: Held): Promise<boolean> {
    return this.#say(held, "+ACK");
  }

  async release(held: Held, delayMs: number): Promise<boolean> {
    return this.#say(held, delayMs > 0 ? delayed(delayMs) : "-NAK");
  }

  async extend(held: Held): Promise<boolean> {
    if (!this.#holds(held)) return false;
    const from = performance.now();
    if (!(await this.#tell(held, this.#leaseWord()))) return false;
    held.until = from + this.options.leaseMs;
    return held.isCurrent;
  }

  async bury(held: Held, reason: string): Promise<boolean> {
    if (!this.#holds(held)) return false;
    await this.#desk.bury({ ...held.handed, delivered: held.delivery }, reason);
    return this.#say(held, "+TERM");
  }

  /** The last word about a task: it is not this holder's any more once the server has it. */
  async #say(held: Held, word: string): Promise<boolean> {
    if (!this.#holds(held)) return false;
    held.isCurrent = false;
    try {
      if (!(await this.#tell(held, word))) return false;
    } catch (error) {
      held.isCurrent = true;
      throw error;
    }
    this.forget(held);
    return true;
  }

  /** False when the queue does not know the task any more; how long it is held is then up to the clock. */
  async #tell({ handed }: Held, word: string): Promise<boolean> {
    try {
      await this.#desk.link.request(handed.ackSubject, word, {
        doing: `telling the queue about ${handed.id}`,
      });
      return true;
    } catch (error) {
      if (AgentFlowError.is(error) && error.reason === "no_server") return false;
      throw error;
    }
  }

  #holds(held: Held): boolean {
    if (held.isCurrent && performance.now() >= held.until) this.#lose(held);
    return held.isCurrent;
  }

  #lose(held: Held): void {
    held.lose();
    this.#drop(held);
    this.#pullSoon();
  }

  #drop(held: Held): void {
    this.#held.delete(held);
    if (this.#desk.held.get(held.id) === held) this.#desk.held.delete(held.id);
  }

  /** Its own tasks from before: what this client holds under the same name, then what others do. */
  async #resume(): Promise<void> {
    const { resume = [], holder } = this.options;
    for (const id of resume) {
      const before = this.#desk.held.get(id);
      if (before === undefined) {
        this.#desk.claim(id, this);
      } else if (before.taker.options.holder === holder) {
        before.taker.forget(before);
        this.accept({ ...before.handed, isResumed: true, delivered: before.delivery + 1 });
      }
    }
    if (this.#desk.claimsOf(this).length === 0) return;
    this.announce();
    // Whoever holds one answers at once; only then is it known how many slots are left.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, natsLimits.handOverMs);
      this.#claimed = () => {
        if (this.#desk.claimsOf(this).length > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#claimed = undefined;
  }

  #room(): number {
    let reporting = 0;
    for (const held of this.#held) if (held.isReporting) reporting++;
    const { slots } = this.options;
    return slots - (this.#held.size - Math.min(reporting, slots));
  }

  /** Once a turn: many slots that are freed together are one request. */
  #pullSoon(): void {
    if (this.#willPull || !this.#isOpen) return;
    this.#willPull = true;
    queueMicrotask(() => {
      this.#willPull = false;
      if (this.#isOpen && this.#desk.link.isUp) this.#pull();
    });
  }

  /**
   * Never more than there is room for, but one for each further subject: a subject that is not asked would
   * not be heard. What comes beyond the room goes back.
   */
  #pull(): void {
    const pullers = this.#pullers.filter((puller) => puller.isReady);
    const room = this.#room();
    if (room <= 0) {
      if (this.#pullers.length > 1) for (const puller of pullers) puller.cancel();
      return;
    }
    const share = Math.max(1, Math.floor(room / this.#pullers.length));
    const asked = pullers.reduce((sum, puller) => sum + puller.outstanding, 0);
    let left = room + this.#pullers.length - 1 - asked;
    for (const puller of pullers) {
      const wanted = puller.outstanding === 0 ? share : Math.min(left, room - puller.outstanding);
      // A few more are not worth a message while enough are on their way.
      if (wanted <= 0 || (puller.outstanding > 0 && wanted < Math.min(16, this.options.slots / 4))) continue;
      puller.pull(wanted);
      left -= wanted;
    }
  }

  /** A loop that was blocked reads late what came early: a lease begins when it can have begun. */
  #arrivedAt(): number {
    const now = performance.now();
    return now - this.#tickedAt > 2 * this.#tickMs && this.#ticker !== undefined ? this.#tickedAt : now;
  }

  /** One timer for all leases of this take, for as long as there are any. */
  #tick(): void {
    if (this.#ticker !== undefined) return;
    this.#tickedAt = performance.now();
    this.#ticker = setInterval(() => {
      const now = performance.now();
      this.#tickedAt = now;
      for (const held of this.#held) if (now >= held.until) this.#lose(held);
      for (const puller of this.#pullers) puller.check();
      if (this.#held.size > 0 || this.#isOpen) return;
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }, this.#tickMs);
  }

  #isUsualLease(): boolean {
    const [puller] = this.#pullers;
    return puller !== undefined && Math.abs(puller.serverLeaseMs - this.#serverLeaseMs) < 1;
  }

  /** A lease of the consumer's own length has a word; any other is said as a wish when to have it back. */
  #leaseWord(): string {
    return this.#isUsualLease() ? "+WPI" : delayed(this.#serverLeaseMs);
  }

  /** Who works on a task goes on with it; but it is not held any more, and may be asked for by its id. */
  #restarted(): void {
    for (const held of this.#held) {
      if (this.#desk.held.get(held.id) === held) this.#desk.held.delete(held.id);
    }
    this.#fail(restarted());
  }

  #fail(error: AgentFlowError): void {
    this.#end ??= error;
    this.stop();
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function delayed(delayMs: number): string {
  return `-NAK {"delay":${Math.round(delayMs * 1e6)}}`;
}

function restarted(): AgentFlowError {
  return new AgentFlowError("unavailable", "the queue began anew and holds nothing of before", {
    reason: "queue_restarted",
  });
}
