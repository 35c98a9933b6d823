import { type AgentFlowError, prefixes, streamOf, type Subject } from "@agentflow/protocol";
import { checkBody, checkLogFilter, checkLogSubject } from "../../port/check.ts";
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
import { checkExpect } from "../check.ts";
import type { StoreName } from "../store/backend.ts";
import { standing, write } from "../store/group.ts";
import type { Tail } from "./feed.ts";
import type { SubjectPage } from "./reader.ts";
import type { Store } from "./store.ts";

const readLimitDefault = 1_000;

type Done<T> = (error: AgentFlowError | undefined, value: T) => void;

/** The Log port over the two files; the callbacks are for the socket, which has no use for a promise each. */
export class EmbeddedLog implements Log {
  readonly lanes = 1;
  readonly #stores: Readonly<Record<StoreName, Store>>;

  constructor(stores: Readonly<Record<StoreName, Store>>) {
    this.#stores = stores;
  }

  append(subject: Subject, body: string, options: AppendOptions): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.appendThen({ subject, body, expect: options.expect }, (error, result) => {
        if (error === undefined) resolve(result);
        else reject(error);
      });
    });
  }

  /** Throws at once for what may not be appended at all; everything else is told to `done`. */
  appendThen(of: { subject: Subject; body: string; expect: Revision | "any" }, done: Done<Appended>): void {
    checkLogSubject(of.subject);
    checkBody(of.body);
    const number = checkExpect(of.expect);
    this.#store(of.subject).writer.submit({
      code: write.append,
      key: of.subject,
      text: of.body,
      number,
      done: (error, result) => done(error, appended(result)),
    });
  }

  async read(subject: Subject, options: { after?: Revision; limit?: number } = {}): Promise<LogEntry[]> {
    checkLogSubject(subject);
    const limit = options.limit ?? readLimitDefault;
    let after = options.after ?? 0;
    const found: LogEntry[] = [];
    for (;;) {
      const { entries, more } = this.readSome({ subject, after, limit: limit - found.length });
      found.push(...entries);
      after = found.at(-1)?.revision ?? after;
      if (!more) return found;
    }
  }

  /** One bounded stretch of a subject's records; `more` when there are some behind it within `limit`. */
  readSome(of: { subject: Subject; after: Revision; limit: number }): { entries: LogEntry[]; more: boolean } {
    checkLogSubject(of.subject);
    checkExpect(of.after);
    return of.limit <= 0 ? { entries: [], more: false } : this.#store(of.subject).reader.read(of);
  }

  async *tail(options: TailOptions): AsyncGenerator<readonly LogEntry[], void> {
    if (options.signal.aborted) return;
    const tail = this.openTail({ filter: options.filter, after: behindIn(options.after, 0) });
    const end = (): void => tail.end();
    options.signal.addEventListener("abort", end, { once: true });
    try {
      for (let batch = await tail.next(); batch !== undefined; batch = await tail.next()) yield batch;
    } finally {
      options.signal.removeEventListener("abort", end);
      tail.end();
    }
  }

  openTail(of: { filter: readonly Subject[]; after: Revision }): Tail {
    const stream = checkLogFilter(of.filter);
    checkExpect(of.after);
    const { reader, feed } = this.#stores[stream === "tele" ? "tele" : "log"];
    return feed.open({ reader, filter: of.filter, after: of.after });
  }

  async head(prefix: Subject): Promise<Revision> {
    checkLogFilter([prefix]);
    return this.#store(prefix).reader.head(prefix);
  }

  async heads(): Promise<Position> {
    return [await this.head(prefixes.log)];
  }

  async *subjects(prefix: Subject): AsyncGenerator<readonly Subject[], void> {
    for (let after: string | undefined; ; ) {
      const { subjects, place } = this.someSubjects(prefix, after);
      if (subjects.length > 0) yield subjects;
      if (place === undefined) return;
      after = place;
      // Other work goes on between two pages.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** One page; `place` names the next. */
  someSubjects(prefix: Subject, after: string | undefined): SubjectPage {
    checkLogFilter([prefix]);
    return this.#store(prefix).reader.subjects(prefix, after);
  }

  purge(subject: Subject, options: { upTo?: Revision } = {}): Promise<void> {
    checkLogSubject(subject);
    const upTo = options.upTo ?? Number.MAX_SAFE_INTEGER;
    checkExpect(upTo);
    return new Promise((resolve, reject) => {
      this.#store(subject).writer.submit({
        code: write.purge,
        key: subject,
        text: "",
        number: upTo,
        done: (error) => (error === undefined ? resolve() : reject(error)),
      });
    });
  }

  #store(subject: Subject): Store {
    return this.#stores[fileOf(subject)];
  }
}

function fileOf(subject: Subject): StoreName {
  return streamOf(subject) === "tele" ? "tele" : "log";
}

function appended(result: number): Appended {
  if (result >= 0) return { ok: true, revision: result };
  return { ok: false, reason: "wrong_revision", revision: standing(result) };
}
