/** The Queue port on a JetStream work queue: one subject a task, one consumer for all who take. */
import { AgentFlowError, type Subject } from "@agentflow/protocol";
import { checkPeek, checkTake, checkTasks } from "../../port/check.ts";
import { deadLetter } from "../../port/dead-letter.ts";
import type {
  Delivery,
  Log,
  PeekedTask,
  PeekOptions,
  Pushed,
  Queue,
  QueueDepth,
  QueuedTask,
  TakeOptions,
} from "../../port/index.ts";
import { directPage, leaderGet } from "../api.ts";
import { fromApi, isApiError } from "../errors.ts";
import type { Link } from "../link.ts";
import { deleteMessage } from "../log.ts";
import { streamNames } from "../names.ts";
import { type ConsumerFacts, parseStored, parseSubject } from "../parse-answers.ts";
import { RawHeaders } from "../raw-headers.ts";
import type { Streams } from "../streams.ts";

import { allConsumers, ensureConsumer } from "./consumers.ts";
import { Desk, keyLines } from "./desk.ts";
import type { Handed } from "./held.ts";
import { parsePeeked } from "./parse-talk.ts";
import { Taker } from "./taker.ts";

const stream = streamNames.task;
/** Only where no task of that id is, whatever its subject: the refusal of a second one is its answer. */
const isNew = "Nats-Expected-Last-Subject-Sequence: 0\r\n";
const isNewSubject = "Nats-Expected-Last-Subject-Sequence-Subject";

export class WorkQueue implements Queue {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #desk: Desk;
  readonly #log: Log;
  /** Subjects whose consumer was seen since the connection came up. */
  readonly #known = new Set<Subject>();

  constructor(of: { readonly link: Link; readonly streams: Streams; readonly log: Log }) {
    this.#link = of.link;
    this.#streams = of.streams;
    this.#log = of.log;
    const bury = (handed: Handed, reason: string): Promise<void> => this.#bury(handed, reason);
    this.#desk = new Desk({ link: this.#link, streams: this.#streams, bury });
    this.#link.onReconnect(() => {
      this.#known.clear();
      // The server may have begun anew: those who take wait for an owner to make the queue again.
      if (this.#streams.isOwner) this.#desk.after(this.#streams.epoch());
    });
  }

  epoch(): Promise<string> {
    return this.#streams.epoch();
  }

  async push(tasks: readonly QueuedTask[]): Promise<readonly Pushed[]> {
    checkTasks(tasks);
    this.#link.requireUp("pushing tasks");
    await this.#makeKnown(tasks);
    return Promise.all(tasks.map((task) => this.#pushOne(task)));
  }

  async *take(options: TakeOptions): AsyncGenerator<Delivery> {
    checkTake(options);
    this.#link.requireUp("taking tasks");
    if (options.signal.aborted) return;
    const taker = new Taker(this.#desk, options);
    try {
      await taker.start();
      for (let next = await taker.next(); next !== undefined; next = await taker.next()) yield next;
    } finally {
      taker.stop();
    }
  }

  async revoke(ids: readonly string[]): Promise<void> {
    this.#link.requireUp("taking tasks back");
    await Promise.all(ids.map((id) => this.#revokeOne(id)));
  }

  async depth(): Promise<readonly QueueDepth[]> {
    const found = await allConsumers(this.#link);
    return found.flatMap(({ filter, waiting, leased }) => {
      const subject = parseSubject(filter.slice(0, -".*".length));
      return subject === undefined ? [] : [{ subject, waiting, leased }];
    });
  }

  /** Read from whoever has the stream; which of them are leased its consumers know, and say only how many. */
  async peek(options: PeekOptions): Promise<readonly PeekedTask[]> {
    checkPeek(options);
    const { subject, limit } = options;
    this.#link.requireUp("looking at tasks");
    const of = { subject: subject.endsWith(".") ? `${subject}>` : `${subject}.*`, from: 1, limit };
    const { messages } = await directPage(this.#link, stream, of);
    return messages.flatMap((message) => parsePeeked(message) ?? []);
  }

  /** What was taken and never seen is on its way back. */
  async settle(): Promise<void> {
    await this.#desk.settle();
  }

  /** The consumer of a subject, made where there is none: an owner's. */
  consumer(subject: Subject): Promise<ConsumerFacts> {
    return this.#withTasks(() => ensureConsumer(this.#link, subject));
  }

  /** A subject that nobody takes from yet has its queue too: so its depth is known. */
  async #makeKnown(tasks: readonly QueuedTask[]): Promise<void> {
    const fresh = new Set(tasks.map((task) => task.subject).filter((subject) => !this.#known.has(subject)));
    if (fresh.size === 0) return;
    await this.#withTasks(() =>
      Promise.all([...fresh].map((subject) => ensureConsumer(this.#link, subject))),
    );
    for (const subject of fresh) this.#known.add(subject);
  }

  async #pushOne(task: QueuedTask): Promise<Pushed> {
    const { token, lines } = keyLines(task.id);
    const headers = new RawHeaders(`${lines}${isNew}${isNewSubject}: af.task.*.*.*.${token}\r\n`);
    const doing = `pushing ${task.id}`;
    const stored = await this.#withTasks(async () =>
      parseStored(await this.#link.request(`${task.subject}.${token}`, task.body, { doing, headers })),
    );
    if (stored.ok || isApiError(stored.error, "wrongSequence")) return { ok: true };
    if (isApiError(stored.error, "full")) return { ok: false, reason: "full" };
    throw fromApi(stored.error, doing);
  }

  /** A work queue in memory goes with its server: an owner makes it again and does what he was about to. */
  async #withTasks<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isGone =
        AgentFlowError.is(error) && (error.reason === "no_server" || error.reason === "not_set_up");
      if (!isGone || !this.#streams.isOwner) throw error;
      await this.#streams.ensureTasks();
      return work();
    }
  }

  async #revokeOne(id: string): Promise<void> {
    const { token } = keyLines(id);
    const found = await leaderGet(this.#link, stream, { last_by_subj: `af.task.*.*.*.${token}` });
    this.#desk.revoked(id);
    if (found === undefined) return;
    await deleteMessage(this.#link, stream, found.sequence);
    const subject = parseSubject(found.subject.slice(0, found.subject.lastIndexOf(".")));
    if (subject !== undefined) this.#desk.say(subject, { kind: "revoked", id });
  }

  async #bury({ id, subject, body, delivered, ackSubject }: Handed, reason: string): Promise<void> {
    const letter = deadLetter({ id, subject, body, reason, deliveries: delivered });
    await this.#log.append(letter.subject, letter.body, { expect: "any" });
    // Said once more by a holder who waits for the answer; the guard has none.
    this.#link.send(ackSubject, "+TERM");
  }
}
