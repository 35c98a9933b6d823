import { AgentFlowError } from "@agentflow/protocol";
import { checkPeek, checkTake } from "../../port/check.ts";
import { deadLetter } from "../../port/dead-letter.ts";
import type {
  Delivery,
  PeekedTask,
  PeekOptions,
  Pushed,
  Queue,
  QueueDepth,
  QueuedTask,
  TakeOptions,
} from "../../port/index.ts";
import type { TakeNote } from "../notes.ts";
import { Channel } from "../../shared/channel.ts";
import type { EmbeddedLog } from "../log/log.ts";
import type { Task, Taker } from "./lane.ts";
import { LocalDelivery, type LeaseHolder } from "./local-delivery.ts";
import type { TaskQueue } from "./task-queue.ts";

type Buried = (error: AgentFlowError | undefined, done: boolean) => void;

/** The Queue port over the queue in memory; the dead letters go to the log. */
export class EmbeddedQueue implements Queue {
  readonly tasks: TaskQueue;
  readonly #log: EmbeddedLog;
  readonly #note: TakeNote;

  constructor(tasks: TaskQueue, log: EmbeddedLog, note: TakeNote = () => {}) {
    this.tasks = tasks;
    this.#log = log;
    this.#note = note;
  }

  async epoch(): Promise<string> {
    return this.tasks.epoch;
  }

  async push(tasks: readonly QueuedTask[]): Promise<readonly Pushed[]> {
    return this.tasks.push(tasks);
  }

  async revoke(ids: readonly string[]): Promise<void> {
    this.tasks.revoke(ids);
  }

  async depth(): Promise<readonly QueueDepth[]> {
    return this.tasks.depth();
  }

  async peek(options: PeekOptions): Promise<readonly PeekedTask[]> {
    checkPeek(options);
    return this.tasks.peek(options);
  }

  async *take(options: TakeOptions): AsyncGenerator<Delivery, void> {
    checkTake(options);
    if (options.signal.aborted) return;
    const ready = new Channel<LocalDelivery>();
    const out = new Map<string, LocalDelivery>();
    const receive = (task: Task): void => {
      const delivery = new LocalDelivery(task, leases);
      out.set(task.id, delivery);
      ready.push(delivery);
    };
    const lose = (id: string): void => {
      out.get(id)?.lose();
      out.delete(id);
      ready.replace(ready.drain().filter((delivery) => delivery.id !== id));
    };
    // Deliveries may come while the queue still makes the taker; whoever answers them comes later.
    const taker = (): Taker => current;
    const leases = this.#leasesOf(taker, (id) => out.delete(id));
    const request = { ...options, resume: options.resume ?? [] };
    const sink = { deliver: receive, resumed: receive, lost: lose, ended: () => ready.end() };
    const current = this.tasks.take(request, sink);
    const end = (): void => {
      this.tasks.stop(
        current,
        ready.drain().map(({ id }) => id),
      );
      ready.end();
    };
    options.signal.addEventListener("abort", end, { once: true });
    try {
      while (await ready.ready()) {
        const delivery = ready.shift();
        if (delivery !== undefined) yield delivery;
      }
    } finally {
      options.signal.removeEventListener("abort", end);
      end();
    }
  }

  /** The dead letter first, then the end of the task: in between it is held, and a failure keeps it. */
  buryThen(of: { taker: Taker; id: string; delivery: number; reason: string }, done: Buried): void {
    const task = this.tasks.beginBurial(of.taker, of.id, of.delivery);
    if (task === undefined) return done(undefined, false);
    try {
      const letter = deadLetter({ ...facts(task), reason: of.reason, deliveries: task.delivery });
      this.#log.appendThen({ ...letter, expect: "any" }, (error) => {
        if (error === undefined) {
          this.tasks.buried(task);
          this.#note({ kind: "dead_letter", id: task.id, reason: of.reason, deliveries: task.delivery });
        } else this.tasks.unburied(task);
        done(error, error === undefined);
      });
    } catch (error) {
      this.tasks.unburied(task);
      done(AgentFlowError.from(error, "burying a task"), false);
    }
  }

  #leasesOf(taker: () => Taker, forget: (id: string) => void): LeaseHolder {
    const settled = (id: string, done: boolean): boolean => {
      forget(id);
      return done;
    };
    return {
      reporting: (id, delivery) => this.tasks.reporting(taker(), id, delivery),
      ack: (id, delivery) => settled(id, this.tasks.ack(taker(), id, delivery)),
      release: (of) => settled(of.id, this.tasks.release(taker(), of)),
      extend: (id, delivery) => this.tasks.extend(taker(), id, delivery),
      bury: (of) =>
        new Promise((resolve, reject) => {
          this.buryThen({ ...of, taker: taker() }, (error, done) => {
            if (error === undefined) resolve(settled(of.id, done));
            else reject(error);
          });
        }),
    };
  }
}

function facts({ id, subject, body }: Task): QueuedTask {
  return { id, subject, body };
}
