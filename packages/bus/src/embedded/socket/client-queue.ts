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
import { checkPeek, checkTake, checkTasks } from "../../port/check.ts";
import type { Client } from "./client.ts";
import { ClientTake } from "./client-take.ts";
import { operation, socketLimits } from "./operations.ts";
import * as parse from "./parse-message.ts";

const tasksPerPush = 1_000;
const idsPerRevoke = 5_000;

/** The Queue port through the socket. */
export class ClientQueue implements Queue {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async epoch(): Promise<string> {
    const answer = await this.#client.call({ code: operation.epoch }, { again: true });
    return parse.text(answer.facts);
  }

  async push(tasks: readonly QueuedTask[]): Promise<readonly Pushed[]> {
    checkTasks(tasks);
    const pushed: Pushed[] = [];
    // A push under the same ids changes nothing, so it may be done again.
    for (const part of parts(tasks)) {
      const facts = part.map(({ id, subject }) => [id, subject]);
      const bodies = part.map(({ body }) => body);
      const answer = await this.#client.call({ code: operation.push, facts, bodies }, { again: true });
      for (const ok of parse.tuple(answer.facts, part.length)) {
        pushed.push(parse.flag(ok) ? { ok: true } : { ok: false, reason: "full" });
      }
    }
    return pushed;
  }

  async revoke(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += idsPerRevoke) {
      const facts = ids.slice(at, at + idsPerRevoke);
      await this.#client.call({ code: operation.revoke, facts }, { again: true });
    }
  }

  async depth(): Promise<readonly QueueDepth[]> {
    const answer = await this.#client.call({ code: operation.depth }, { again: true });
    return parse.depths(parse.tuple(answer.facts, 0));
  }

  async peek(options: PeekOptions): Promise<readonly PeekedTask[]> {
    checkPeek(options);
    const facts = [options.subject, options.limit];
    const answer = await this.#client.call({ code: operation.peek, facts }, { again: true });
    return parse.peeked(parse.tuple(answer.facts, 0), answer.bodies);
  }

  async *take(options: TakeOptions): AsyncGenerator<Delivery, void> {
    checkTake(options);
    if (options.signal.aborted) return;
    const take = new ClientTake(this.#client, options);
    const end = (): void => take.stop();
    options.signal.addEventListener("abort", end, { once: true });
    try {
      for (let next = await take.next(); next !== undefined; next = await take.next()) yield next;
    } finally {
      options.signal.removeEventListener("abort", end);
      take.stop();
    }
  }
}

/** Tasks in stretches that fit a frame. */
function parts(tasks: readonly QueuedTask[]): QueuedTask[][] {
  const all: QueuedTask[][] = [];
  let part: QueuedTask[] = [];
  let characters = 0;
  for (const task of tasks) {
    const size = task.id.length + task.subject.length + task.body.length;
    if (
      part.length > 0 &&
      (part.length === tasksPerPush || characters + size > socketLimits.pageCharacters)
    ) {
      all.push(part);
      part = [];
      characters = 0;
    }
    part.push(task);
    characters += size;
  }
  if (part.length > 0) all.push(part);
  return all;
}
