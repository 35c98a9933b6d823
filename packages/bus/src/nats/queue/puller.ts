/** Asks one consumer for tasks, and counts how many of those it asked for are still to come. */
import { AgentFlowError, type Subject } from "@agentflow/protocol";
import type { Msg, Subscription } from "@nats-io/transport-node";
import { askForConsumer } from "../door/ask.ts";
import type { Link } from "../link.ts";
import { natsLimits } from "../limits.ts";
import { streamNames, taskConsumer } from "../names.ts";
import type { ConsumerFacts } from "../parse-answers.ts";
import type { Streams } from "../streams.ts";
import { ensureConsumer } from "./consumers.ts";
import { FirstTimes } from "./first-times.ts";
import type { Handed } from "./held.ts";
import { parseHanded } from "./parse-talk.ts";

export interface PullerOptions {
  readonly link: Link;
  readonly streams: Streams;
  readonly subject: Subject;
  readonly arrived: (handed: Handed) => void;
  /** There may be something to ask for again. */
  readonly changed: () => void;
  /** The queue is not the one it was: what it held is gone. */
  readonly restarted: () => void;
  /** It will never be had: who takes is told why. */
  readonly failed: (error: AgentFlowError) => void;
}

const retryMs = 100;
/** A server that says nothing for so many heartbeats does not know of the request any more. */
const heartbeatsMissed = 2.5;

export class Puller {
  readonly #options: PullerOptions;
  #facts: ConsumerFacts | undefined;
  #subscription: Subscription | undefined;
  #inbox = "";
  #outstanding = 0;
  #heardAt = 0;
  #isStopped = false;
  #life = 0;
  readonly #times = new FirstTimes();

  readonly #forget: () => void;

  constructor(options: PullerOptions) {
    this.#options = options;
    // Nobody answers what the server did not let through: without this it would be waited for in vain.
    this.#forget = options.link.onRefused((refused) => {
      if (refused.subject === this.#next) options.failed(notAllowed(options.subject));
    });
  }

  get #next(): string {
    return `$JS.API.CONSUMER.MSG.NEXT.${streamNames.task}.${taskConsumer(this.#options.subject)}`;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  get isReady(): boolean {
    return this.#subscription !== undefined && !this.#isStopped;
  }

  /** How long the server believes in a lease that nobody spoke about. */
  get serverLeaseMs(): number {
    return this.#facts?.ackWaitMs ?? 0;
  }

  /** Finds or makes the consumer; goes on trying until it is there or this is stopped. */
  async start(): Promise<void> {
    const life = ++this.#life;
    this.#leave();
    while (life === this.#life && !this.#isStopped && !this.#options.link.isClosed) {
      try {
        if (await this.#prepare(life)) return this.#options.changed();
      } catch (error) {
        if (AgentFlowError.is(error) && error.code === "forbidden") return this.#options.failed(error);
        await this.#repair(error);
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  pull(batch: number): void {
    const { link } = this.#options;
    this.#outstanding += batch;
    this.#heardAt = performance.now();
    const { pullExpiresMs, pullHeartbeatMs } = natsLimits;
    const waits = `"expires":${pullExpiresMs * 1e6},"idle_heartbeat":${pullHeartbeatMs * 1e6}`;
    const body = `{"batch":${batch},${waits}}`;
    link.send(this.#next, body, { reply: this.#inbox });
  }

  /** Takes back what was asked for and did not come; what is on its way still arrives. */
  cancel(): void {
    if (this.#outstanding === 0) return;
    this.#leave();
    this.#enter(this.#life);
  }

  /** A request about which nobody says a word was lost: on its way, or with the server that held it. */
  check(): void {
    if (this.#outstanding === 0) return;
    if (performance.now() - this.#heardAt < natsLimits.pullHeartbeatMs * heartbeatsMissed) return;
    void this.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#forget();
    this.#leave();
  }

  async #prepare(life: number): Promise<boolean> {
    const { link, streams, subject } = this.#options;
    if (!link.isUp) return false;
    const find = streams.isOwner ? ensureConsumer : askForConsumer;
    const facts = await find(link, subject);
    if (life !== this.#life || this.#isStopped) return true;
    const isAnother = this.#facts !== undefined && this.#facts.created !== facts.created;
    this.#facts = facts;
    if (isAnother) this.#options.restarted();
    else this.#enter(life);
    return true;
  }

  async #repair(cause: unknown): Promise<void> {
    const { streams } = this.#options;
    if (!AgentFlowError.is(cause) || cause.reason !== "not_set_up" || !streams.isOwner) return;
    await streams.ensureTasks().catch(() => undefined);
  }

  #enter(life: number): void {
    const { link } = this.#options;
    this.#inbox = `${link.inbox}.p.${link.token()}`;
    const inbox = this.#inbox;
    this.#subscription = link.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) return;
        const isOld = life !== this.#life || inbox !== this.#inbox;
        if (message.subject === inbox) this.#status(message, isOld);
        else this.#task(message, isOld);
      },
    });
  }

  #task(message: Msg, isOld: boolean): void {
    if (!isOld) {
      this.#outstanding = Math.max(0, this.#outstanding - 1);
      this.#heardAt = performance.now();
    }
    const handed = parseHanded(message);
    if (handed !== undefined) this.#arrived(handed);
    // Not ours, whoever put it there: nobody will ever make anything of it.
    else if (message.reply !== undefined) this.#options.link.send(message.reply, "+TERM");
  }

  #arrived(handed: Handed): void {
    const delivered = this.#times.count(handed);
    this.#options.arrived(delivered === handed.delivered ? handed : { ...handed, delivered });
  }

  /** A heartbeat, or the end of a request: it ran out, or there is nobody to ask. */
  #status(message: Msg, isOld: boolean): void {
    if (isOld || this.#isStopped) return;
    const code = message.headers?.code ?? 0;
    if (code === 100) {
      this.#heardAt = performance.now();
      return;
    }
    const left = message.headers?.get("Nats-Pending-Messages") ?? "";
    this.#outstanding = Math.max(0, this.#outstanding - (left === "" ? this.#outstanding : Number(left)));
    if (code === 408) return this.#options.changed();
    // The consumer may be gone, with all it knew; looked at after a moment, for it may be coming back.
    setTimeout(() => {
      if (!this.#isStopped && !isOld) void this.start();
    }, retryMs);
  }

  #leave(): void {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    this.#outstanding = 0;
    this.#inbox = "";
    // Drained: what the server has already sent is still heard, and given back.
    if (subscription !== undefined) void subscription.drain().catch(() => undefined);
  }
}

function notAllowed(subject: Subject): AgentFlowError {
  return new AgentFlowError("forbidden", `this identity may not take from ${subject}`, {
    reason: "nats_permission",
    details: { subject },
    suggestions: ["name its pool and build: af bus credentials DIR --add --pool POOL --build BUILD"],
  });
}
