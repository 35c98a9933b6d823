import { prefixes, type Subject } from "@agentflow/protocol";
import {
  type Appended,
  type AppendOptions,
  behindIn,
  type Log,
  type LogEntry,
  type Position,
  type Revision,
  type TailOptions,
} from "../../port/index.ts";
import { checkBody, checkLogFilter, checkLogSubject } from "../../port/check.ts";
import { checkExpect } from "../check.ts";
import type { Client } from "./client.ts";
import { clientStream } from "./client-stream.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";

const readLimitDefault = 1_000;

/** The Log port through the socket. */
export class ClientLog implements Log {
  readonly lanes = 1;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async append(subject: Subject, body: string, options: AppendOptions): Promise<Appended> {
    checkLogSubject(subject);
    checkBody(body);
    checkExpect(options.expect);
    const answer = await this.#client.call({
      code: operation.append,
      facts: [subject, options.expect],
      bodies: [body],
    });
    const [ok, at] = parse.tuple(answer.facts, 2);
    const revision = parse.count(at);
    return parse.flag(ok) ? { ok: true, revision } : { ok: false, reason: "wrong_revision", revision };
  }

  async read(subject: Subject, options: { after?: Revision; limit?: number } = {}): Promise<LogEntry[]> {
    const limit = options.limit ?? readLimitDefault;
    const found: LogEntry[] = [];
    for (let after = options.after ?? 0, more = true; more; ) {
      const facts = [subject, after, Math.max(0, limit - found.length)];
      const answer = await this.#client.call({ code: operation.read, facts }, { again: true });
      const [isMore, entries] = parse.tuple(answer.facts, 2);
      found.push(...parse.entries(parse.tuple(entries, 0), answer.bodies));
      after = found.at(-1)?.revision ?? after;
      more = parse.flag(isMore);
    }
    return found;
  }

  async *tail(options: TailOptions): AsyncGenerator<readonly LogEntry[], void> {
    const { filter, after, signal } = options;
    checkLogFilter(filter);
    const open = { code: operation.tail, facts: [filter, behindIn(after, 0)] };
    for await (const batch of clientStream({ client: this.#client, open, signal })) {
      yield parse.entries(parse.tuple(batch.facts, 1), batch.bodies);
    }
  }

  async head(prefix: Subject): Promise<Revision> {
    const answer = await this.#client.call({ code: operation.head, facts: [prefix] }, { again: true });
    return parse.count(answer.facts);
  }

  async heads(): Promise<Position> {
    return [await this.head(prefixes.log)];
  }

  async *subjects(prefix: Subject): AsyncGenerator<readonly Subject[], void> {
    checkLogFilter([prefix]);
    for (let place = "", more = true; more; ) {
      const call = { code: operation.subjects, facts: [prefix, place] };
      const [found, next] = parse.tuple((await this.#client.call(call, { again: true })).facts, 2);
      const subjects = parse.texts(found).map(parse.subject);
      if (subjects.length > 0) yield subjects;
      place = parse.text(next);
      more = place !== "";
    }
  }

  async purge(subject: Subject, options: { upTo?: Revision } = {}): Promise<void> {
    const facts = [subject, options.upTo ?? Number.MAX_SAFE_INTEGER];
    await this.#client.call({ code: operation.purge, facts });
  }
}
