/** One connection: what is sent in a turn leaves together, and answers find who asked. */
import type { AgentFlowError } from "@agentflow/protocol";
import {
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  PermissionViolationError,
} from "@nats-io/transport-node";
import {
  closedError,
  connectionLost,
  fromNats,
  inboxRefused,
  isNoAnswer,
  noAnswer,
  noServer,
  notConnected,
  storesNothing,
} from "./errors.ts";
import { natsLimits } from "./limits.ts";
import type { Refused } from "./options.ts";

export type Body = string | Uint8Array;

export interface Ask {
  readonly doing: string;
  readonly timeoutMs?: number;
  readonly headers?: MsgHdrs;
}

/** Takes each answer; true once it was the last one. */
export type Collect = (answer: Msg) => boolean;

interface Pending {
  readonly subject: string;
  readonly doing: string;
  readonly timeoutMs: number;
  readonly until: number;
  readonly collect: Collect | undefined;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: AgentFlowError) => void;
}

interface Outgoing {
  readonly subject: string;
  readonly body: Body;
  readonly reply: string | undefined;
  readonly headers: MsgHdrs | undefined;
}

export class Link {
  readonly nc: NatsConnection;
  readonly inbox: string;
  /** Settled once the connection is gone for good. */
  readonly closed: Promise<Error | undefined>;
  /** When the server last answered anything. */
  lastSuccessMs = Date.now();
  #isUp = true;
  #isClosed = false;
  #movedMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;
  #tokens = 0;
  #storesNothing = false;
  /** The server lets us hear no answer, and none ever came: who asks is told, and does not wait. */
  #isDeaf = false;
  #wasAnswered = false;
  #sweep: NodeJS.Timeout | undefined;
  #outgoing: Outgoing[] = [];
  readonly #pending = new Map<string, Pending>();
  readonly #atReconnect = new Set<() => void>();
  readonly #atDisconnect = new Set<() => void>();
  readonly #atClose = new Set<() => void>();
  readonly #atRefused = new Set<(refused: Refused) => void>();

  constructor(nc: NatsConnection, inboxPrefix: string) {
    this.nc = nc;
    this.inbox = `${inboxPrefix}.${this.token()}${Math.random().toString(36).slice(2, 12)}`;
    const prefix = `${this.inbox}.a.`;
    nc.subscribe(`${prefix}*`, { callback: (error, answer) => this.#answered(error, prefix.length, answer) });
    this.closed = nc.closed().then((error) => {
      this.#down(true);
      return error instanceof Error ? fromNats(error, "the connection to NATS") : undefined;
    });
    void this.#watch();
  }

  get isUp(): boolean {
    return this.#isUp && !this.#isClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Called after each reconnect; the result ends it. */
  onReconnect(fn: () => void): () => void {
    return added(this.#atReconnect, fn);
  }

  onDisconnect(fn: () => void): () => void {
    return added(this.#atDisconnect, fn);
  }

  onClose(fn: () => void): () => void {
    return added(this.#atClose, fn);
  }

  onRefused(fn: (refused: Refused) => void): () => void {
    this.#atRefused.add(fn);
    return () => void this.#atRefused.delete(fn);
  }

  token(): string {
    this.#tokens = (this.#tokens + 1) % 0xffff_ffff;
    return this.#tokens.toString(36);
  }

  requireUp(doing: string): void {
    if (this.#isClosed) throw closedError();
    if (!this.#isUp) throw notConnected(doing);
    if (this.#isDeaf) throw inboxRefused(doing, this.inbox);
  }

  /** Leaves at the end of this turn, with everything else that is sent in it. */
  send(subject: string, body: Body, options: { reply?: string; headers?: MsgHdrs } = {}): void {
    if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
    this.#outgoing.push({ subject, body, reply: options.reply, headers: options.headers });
  }

  /**
   * Goes to another server, where there is one: the connection lives, and what is asked over it is not
   * answered, as when its server cannot be reached by the one that leads. At most once in a while.
   */
  moveOn(): void {
    const now = performance.now();
    const isAlone = this.nc.getServers().length < 2;
    if (isAlone || !this.isUp || now - this.#movedMs < natsLimits.moveEveryMs) return;
    this.#movedMs = now;
    void this.nc.reconnect().catch(() => undefined);
  }

  /** One answer. Throws `unavailable` when nobody is there or the line breaks, `timeout` without one. */
  request(subject: string, body: Body, ask: Ask): Promise<Msg> {
    return this.#ask({ subject, body, ask, collect: undefined });
  }

  /**
   * The answer to something that is to be stored. A server whose disk failed is silent about that alone, and
   * stays so until it is restarted: that is told apart from a server that does not answer (`storage_failed`),
   * and later ones are waited for less long.
   */
  async store(subject: string, body: Body, ask: Ask): Promise<Msg> {
    const timeoutMs = this.#storesNothing ? natsLimits.failedStoreTimeoutMs : natsLimits.answerTimeoutMs;
    try {
      const answer = await this.request(subject, body, { timeoutMs, ...ask });
      this.#storesNothing = false;
      return answer;
    } catch (error) {
      if (!isNoAnswer(error) || !(await this.#isThere())) throw error;
      this.#storesNothing = true;
      throw storesNothing(ask.doing);
    }
  }

  /** Many answers; resolves with the last one. */
  collect(subject: string, body: Body, ask: Ask & { readonly collect: Collect }): Promise<Msg> {
    return this.#ask({ subject, body, ask, collect: ask.collect });
  }

  /** It will be closed: whoever reads or takes is told so, while what they still say is heard. */
  ending(): void {
    const told = [...this.#atClose];
    this.#atClose.clear();
    for (const fn of told) fn();
  }

  /** Again: the same promise. A second one would wait for an answer on what the first has closed. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isUp) await this.#lastWords();
    this.#down(true);
    await this.nc.close();
  }

  /** What was said is with the server, unless it does not answer at all. */
  async #lastWords(): Promise<void> {
    this.#flush();
    await this.#pinged(natsLimits.lastWordsMs);
  }

  async #isThere(): Promise<boolean> {
    return this.isUp && this.#pinged(natsLimits.pingTimeoutMs);
  }

  /** Whether the server answered a ping in time, and so has all that was sent before. */
  async #pinged(withinMs: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    // Not unref'd: when the connection goes meanwhile, nothing else would be left to end this wait.
    const timer = setTimeout(() => late.resolve(false), withinMs);
    const answered = this.nc.flush().then(
      () => true,
      () => false,
    );
    const isThere = await Promise.race([answered, late.promise]);
    clearTimeout(timer);
    return isThere;
  }

  #ask(of: { subject: string; body: Body; ask: Ask; collect: Collect | undefined }): Promise<Msg> {
    const { subject, body, ask, collect } = of;
    const { doing, timeoutMs = natsLimits.answerTimeoutMs } = ask;
    return new Promise((resolve, reject) => {
      this.requireUp(doing);
      const token = this.token();
      const until = performance.now() + timeoutMs;
      this.#pending.set(token, { subject, doing, timeoutMs, until, collect, resolve, reject });
      this.#sweep ??= setInterval(() => this.#expire(), natsLimits.sweepMs);
      const reply = `${this.inbox}.a.${token}`;
      this.send(subject, body, ask.headers === undefined ? { reply } : { reply, headers: ask.headers });
    });
  }

  #answered(error: Error | null, skip: number, answer: Msg): void {
    if (error !== null) return;
    this.lastSuccessMs = Date.now();
    this.#wasAnswered = true;
    const token = answer.subject.slice(skip);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    if (answer.data.length === 0 && answer.headers?.code === 503) {
      this.#pending.delete(token);
      pending.reject(noServer(pending.doing));
      return;
    }
    if (pending.collect !== undefined && !pending.collect(answer)) return;
    this.#pending.delete(token);
    pending.resolve(answer);
  }

  #flush(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    if (!this.isUp) return;
    for (const { subject, body, reply, headers } of outgoing) {
      const options = {
        ...(reply === undefined ? {} : { reply }),
        ...(headers === undefined ? {} : { headers }),
      };
      try {
        this.nc.publish(subject, body, options);
      } catch (error) {
        this.#refused(reply, error);
      }
    }
  }

  #refused(reply: string | undefined, error: unknown): void {
    const token = reply?.slice(this.inbox.length + 3) ?? "";
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    pending?.reject(fromNats(error, pending.doing));
  }

  #expire(): void {
    const now = performance.now();
    for (const [token, pending] of this.#pending) {
      if (pending.until > now) continue;
      this.#pending.delete(token);
      pending.reject(noAnswer(pending.doing, pending.timeoutMs));
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === "disconnect") this.#down(false);
      if (status.type === "reconnect") this.#up();
      if (status.type === "error" && status.error instanceof PermissionViolationError) {
        this.#forbidden(status.error);
      }
    }
  }

  /** Who asked is told at once: no answer will come. The server says no more than the subject. */
  #forbidden(error: PermissionViolationError): void {
    const operation = error.operation === "publish" ? "publish" : "subscribe";
    const { subject } = error;
    if (operation === "subscribe" && subject === `${this.inbox}.a.*` && !this.#wasAnswered) this.#deafen();
    for (const [token, pending] of this.#pending) {
      if (operation !== "publish" || pending.subject !== subject) continue;
      this.#pending.delete(token);
      pending.reject(fromNats(error, pending.doing));
    }
    for (const fn of this.#atRefused) fn({ operation, subject });
  }

  /** Later it may be the moment of a rotation, and what was asked may have been carried out. */
  #deafen(): void {
    this.#isDeaf = true;
    for (const { doing, reject } of this.#pending.values()) reject(inboxRefused(doing, this.inbox));
    this.#pending.clear();
  }

  #up(): void {
    this.#isUp = true;
    this.#isDeaf = false;
    this.#storesNothing = false;
    for (const fn of this.#atReconnect) fn();
  }

  /** Nobody waits for an answer that cannot come: what was asked is unknown, not refused. */
  #down(forGood: boolean): void {
    if (this.#isClosed) return;
    this.#isUp = false;
    this.#outgoing = [];
    if (forGood) this.#isClosed = true;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const one of pending) one.reject(forGood ? closedError() : connectionLost(one.doing));
    if (forGood) this.ending();
    else for (const fn of this.#atDisconnect) fn();
    if (!forGood) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

function added(set: Set<() => void>, fn: () => void): () => void {
  set.add(fn);
  return () => void set.delete(fn);
}
