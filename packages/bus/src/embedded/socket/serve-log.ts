import type { LogEntry, RowChange } from "../../port/index.ts";
import { operation, socketLimits } from "./operations.ts";
import * as parse from "./parse-message.ts";
import type { Handlers, Talk } from "./talk.ts";
import { type Batch, Streams } from "./streams.ts";

export function logHandlers(talk: Talk): Handlers {
  const { log, table } = talk.bus;
  const streams = new Streams(talk);
  return {
    gone: () => streams.close(),
    on: {
      [operation.append]: ({ id, facts, bodies }) => {
        const [name, expect] = parse.tuple(facts, 2);
        const of = {
          subject: parse.subject(name),
          body: parse.body(bodies),
          expect: parse.expectation(expect),
        };
        log.appendThen(of, (error, appended) => {
          if (error === undefined) talk.answer(id, [appended.ok, appended.revision]);
          else talk.fail(id, error);
        });
      },
      [operation.read]: ({ id, facts }) => {
        const [name, after, limit] = parse.tuple(facts, 3);
        const subject = parse.subject(name);
        const some = log.readSome({ subject, after: parse.count(after), limit: parse.count(limit) });
        talk.answer(id, [some.more, entryFacts(some.entries)], bodiesOf(some.entries));
      },
      [operation.head]: ({ id, facts }) => {
        const [prefix] = parse.tuple(facts, 1);
        log.head(parse.filter(prefix)).then(
          (head) => talk.answer(id, head),
          (error: unknown) => talk.fail(id, error),
        );
      },
      [operation.subjects]: ({ id, facts }) => {
        const [prefix, after] = parse.tuple(facts, 2);
        const page = log.someSubjects(parse.filter(prefix), parse.text(after) || undefined);
        talk.answer(id, [page.subjects, page.place ?? ""]);
      },
      [operation.purge]: ({ id, facts }) => {
        const [name, upTo] = parse.tuple(facts, 2);
        log.purge(parse.subject(name), { upTo: parse.count(upTo) }).then(
          () => talk.answer(id),
          (error: unknown) => talk.fail(id, error),
        );
      },
      [operation.tail]: ({ id, facts }) => {
        const [filters, after] = parse.tuple(facts, 2);
        const filter = parse.texts(filters).map(parse.filter);
        const tail = log.openTail({ filter, after: parse.count(after) });
        streams.open(id, {
          next: async () => {
            const entries = await tail.next();
            return entries && { facts: entryFacts(entries), bodies: bodiesOf(entries) };
          },
          end: () => tail.end(),
        });
        talk.answer(id);
      },
      [operation.watch]: ({ id, facts }) => {
        const [prefix] = parse.tuple(facts, 1);
        const watch = table.openWatch(parse.text(prefix));
        const pages = new Pages(() => watch.next());
        streams.open(id, { next: () => pages.next(), end: () => watch.end() });
        talk.answer(id);
      },
      [operation.next]: ({ id, facts }) => streams.next(id, parse.count(parse.tuple(facts, 1)[0])),
      [operation.end]: ({ facts }) => streams.end(parse.count(parse.tuple(facts, 1)[0])),
    },
  };
}

/** Changes in pages that fit a frame. */
class Pages {
  readonly #source: () => Promise<readonly RowChange[] | undefined>;
  #rest: readonly RowChange[] = [];

  constructor(source: () => Promise<readonly RowChange[] | undefined>) {
    this.#source = source;
  }

  async next(): Promise<Batch | undefined> {
    const batch = this.#rest.length > 0 ? this.#rest : await this.#source();
    if (batch === undefined) return undefined;
    let characters = 0;
    const cut = batch.findIndex(({ value }) => {
      characters += value?.length ?? 0;
      return characters > socketLimits.pageCharacters;
    });
    const page = cut > 0 ? batch.slice(0, cut) : batch;
    this.#rest = batch.slice(page.length);
    return {
      facts: page.map(({ key, revision, value }) => [key, revision, value !== undefined]),
      bodies: page.map(({ value }) => value ?? ""),
    };
  }
}

function entryFacts(entries: readonly LogEntry[]): unknown[] {
  return entries.map(({ subject, revision, atMs }) => [subject, revision, atMs]);
}

function bodiesOf(entries: readonly LogEntry[]): string[] {
  return entries.map(({ body }) => body);
}
