/** A reader of one stream that misses nothing: pushed to, checked by count, made anew where it broke off. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Msg, Subscription } from "@nats-io/transport-node";
import { api } from "./api.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { type AckInfo, parseAck, parseStreamInfo } from "./parse-answers.ts";

export interface OrderedOptions {
  readonly stream: string;
  /** Patterns of which none lies inside another. */
  readonly filters: readonly string[];
  /** Where it begins: behind a sequence, or with the newest message of each subject. */
  readonly from: { readonly behind: number } | "newest of each";
  readonly take: (message: Msg, info: AckInfo) => void;
  /** Nothing more is stored for now: said once, at the first moment that this is so. */
  readonly caughtUp?: () => void;
  /** It cannot go on, and why. */
  readonly failed: (error: AgentFlowError) => void;
}

const retryMs = 200;

export class OrderedReader {
  readonly #link: Link;
  readonly #options: OrderedOptions;
  readonly #forget: () => void;
  #subscription: Subscription | undefined;
  #name = "";
  /** Life of the consumer: what an older one still sends is not listened to. */
  #life = 0;
  #consumerSequence = 0;
  #streamSequence: number;
  #hasRead: boolean;
  #heardAt = performance.now();
  #isCaughtUp = false;
  #isPaused = false;
  #owed: string[] = [];
  #isStopped = false;
  readonly #watchdog: NodeJS.Timeout;

  constructor(link: Link, options: OrderedOptions) {
    this.#link = link;
    this.#options = options;
    this.#streamSequence = options.from === "newest of each" ? 0 : options.from.behind;
    this.#hasRead = options.from !== "newest of each";
    this.#forget = link.onReconnect(() => this.#restart());
    this.#watchdog = setInterval(() => this.#check(), natsLimits.tailHeartbeatMs);
    void this.#begin(++this.#life);
  }

  /** The reader is behind: the server waits until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const reply of this.#owed.splice(0)) this.#link.send(reply, "");
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#life++;
    this.#forget();
    clearInterval(this.#watchdog);
    this.#drop();
  }

  async #begin(life: number): Promise<void> {
    const name = `af_${this.#link.inbox.slice(-10)}_${this.#link.token()}`.replaceAll(".", "_");
    const deliver = `${this.#link.inbox}.t.${this.#link.token()}`;
    this.#consumerSequence = 0;
    this.#owed = [];
    this.#heardAt = performance.now();
    try {
      this.#link.requireUp(`reading ${this.#options.stream}`);
      if (life > 1 && (await this.#isShorter())) {
        if (life === this.#life) this.#fail(lostItsEnd(this.#options.stream));
        return;
      }
      if (life !== this.#life) return;
      this.#name = name;
      this.#subscription = this.#link.nc.subscribe(deliver, {
        callback: (error, message) => {
          if (error === null && life === this.#life) this.#deliver(message);
        },
      });
      const value = await api(this.#link, this.#creation(name, deliver));
      if (life === this.#life && value?.["num_pending"] === 0) this.#caughtUp();
    } catch (error) {
      this.#retry(life, AgentFlowError.from(error, `reading ${this.#options.stream}`));
    }
  }

  /**
   * The stream ends before what was read of it: its server lost the newest records, or holds others. It gives
   * the same numbers again, and a reader that went on behind its place would not see them.
   */
  async #isShorter(): Promise<boolean> {
    if (!this.#hasRead || this.#streamSequence === 0) return false;
    const { stream } = this.#options;
    const info = await api(this.#link, { verb: `STREAM.INFO.${stream}`, doing: `looking at ${stream}` });
    return parseStreamInfo(info ?? {}).lastSequence < this.#streamSequence;
  }

  /** A lost connection is waited for; what the server refuses is the end. */
  #retry(life: number, error: AgentFlowError): void {
    if (life !== this.#life) return;
    this.#drop();
    const isPassing = error.code === "timeout" || error.code === "unavailable";
    if (!isPassing || this.#link.isClosed || error.reason === "not_set_up") return this.#fail(error);
    setTimeout(() => {
      if (life === this.#life) void this.#begin(++this.#life);
    }, retryMs);
  }

  #creation(name: string, deliver: string): Parameters<typeof api>[1] {
    const { stream, filters } = this.#options;
    const from = this.#hasRead
      ? { deliver_policy: "by_start_sequence", opt_start_seq: this.#streamSequence + 1 }
      : { deliver_policy: "last_per_subject" };
    const config = {
      ...from,
      name,
      deliver_subject: deliver,
      filter_subjects: filters,
      ack_policy: "none",
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: natsLimits.tailHeartbeatMs * 1e6,
      inactive_threshold: natsLimits.tailIdleMs * 1e6,
      mem_storage: true,
      num_replicas: 1,
    };
    const verb = `CONSUMER.CREATE.${stream}.${name}`;
    return { verb, body: { stream_name: stream, config, action: "create" }, doing: `reading ${stream}` };
  }

  #deliver(message: Msg): void {
    this.#heardAt = performance.now();
    this.#link.lastSuccessMs = Date.now();
    const reply = message.reply ?? "";
    if (!reply.startsWith("$JS.ACK.")) return this.#control(message, reply);
    const info = parseAck(reply);
    if (info.consumerSequence !== this.#consumerSequence + 1) return this.#restart();
    this.#consumerSequence = info.consumerSequence;
    this.#streamSequence = info.streamSequence;
    this.#hasRead = true;
    this.#options.take(message, info);
    if (info.pending === 0) this.#caughtUp();
  }

  #control(message: Msg, reply: string): void {
    const { headers } = message;
    if (headers?.code !== 100) return;
    const stalled = headers.get("Nats-Consumer-Stalled");
    const due = reply === "" ? stalled : reply;
    if (due !== "") {
      if (this.#isPaused) this.#owed.push(due);
      else this.#link.send(due, "");
    }
    const last = headers.get("Nats-Last-Consumer");
    if (last !== "" && Number(last) !== this.#consumerSequence) return this.#restart();
    if (last !== "") this.#caughtUp();
  }

  #caughtUp(): void {
    if (this.#isCaughtUp) return;
    this.#isCaughtUp = true;
    this.#options.caughtUp?.();
  }

  #check(): void {
    const silent = performance.now() - this.#heardAt > 2.5 * natsLimits.tailHeartbeatMs;
    if (silent && this.#link.isUp && !this.#isPaused) this.#restart();
  }

  #restart(): void {
    if (this.#isStopped) return;
    this.#drop();
    void this.#begin(++this.#life);
  }

  #drop(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    if (this.#name !== "" && this.#link.isUp) {
      this.#link.send(`$JS.API.CONSUMER.DELETE.${this.#options.stream}.${this.#name}`, "");
    }
    this.#name = "";
  }

  #fail(error: AgentFlowError): void {
    if (this.#isStopped) return;
    this.stop();
    this.#options.failed(error);
  }
}

function lostItsEnd(stream: string): AgentFlowError {
  return new AgentFlowError("unavailable", `${stream} is shorter than what was read of it`, {
    reason: "stream_shorter",
  });
}
