import { AgentFlowError } from "@agentflow/protocol";
import type { Put, Revision, Row, RowChange, Table } from "../port/index.ts";
import { checkTableKey, checkTablePrefix, checkTableValue } from "../port/check.ts";
import { checkExpect } from "./check.ts";
import type { Reader } from "./log/reader.ts";
import { write } from "./store/group.ts";
import type { GroupWriter } from "./store/writer.ts";

export const tableLimits = {
  rowsListed: 10_000,
  /** Changes that wait for one watcher one by one; behind that only the last of each key. */
  changesWaiting: 10_000,
} as const;

/** The Table port: rows in the log's file, written by the same groups, read by key in microseconds. */
export class EmbeddedTable implements Table {
  readonly #writer: GroupWriter;
  readonly #reader: Reader;
  readonly #watches = new Set<Watch>();

  constructor(of: { writer: GroupWriter; reader: Reader }) {
    this.#writer = of.writer;
    this.#reader = of.reader;
  }

  async get(key: string): Promise<Row | undefined> {
    checkTableKey(key);
    return this.#reader.row(key);
  }

  async put(key: string, value: string, options: { expect: Revision | "any" }): Promise<Put> {
    checkTableKey(key);
    checkTableValue(value);
    return this.#write(key, value, options.expect);
  }

  async delete(key: string, options: { expect: Revision | "any" }): Promise<Put> {
    checkTableKey(key);
    return this.#write(key, null, options.expect);
  }

  async list(prefix: string): Promise<readonly Row[]> {
    const max = tableLimits.rowsListed;
    const rows = this.page({ prefix, after: "", limit: max + 1, charactersMax: Infinity });
    if (rows.length <= max) return rows;
    throw tooManyRows(prefix);
  }

  /** A stretch of the rows under `prefix`, behind the key `after`. */
  page(of: { prefix: string; after: string; limit: number; charactersMax: number }): Row[] {
    checkTablePrefix(of.prefix);
    return this.#reader.rows(of);
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<readonly RowChange[], void> {
    if (signal.aborted) return;
    const watch = this.openWatch(prefix);
    const end = (): void => watch.end();
    signal.addEventListener("abort", end, { once: true });
    try {
      for (let batch = await watch.next(); batch !== undefined; batch = await watch.next()) {
        if (batch.length > 0) yield batch;
      }
    } finally {
      signal.removeEventListener("abort", end);
      watch.end();
    }
  }

  /** The first batch holds the rows of now and may be empty; later ones are changes. */
  openWatch(prefix: string): Watch {
    checkTablePrefix(prefix);
    const watch = new Watch({
      prefix,
      rows: (after) =>
        this.#reader.rows({ prefix, after, limit: tableLimits.rowsListed, charactersMax: Infinity }),
      leave: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    return watch;
  }

  /** One row changed, in the order of commits. */
  changed(change: RowChange): void {
    for (const watch of this.#watches) watch.offer(change);
  }

  /** A group failed, and what it left is not known: each watch looks again. */
  failed(): void {
    for (const watch of this.#watches) watch.restart();
  }

  close(): void {
    for (const watch of this.#watches) watch.end();
  }

  #write(key: string, value: string | null, expect: Revision | "any"): Promise<Put> {
    const number = checkExpect(expect);
    return new Promise((resolve, reject) => {
      const done = (error: AgentFlowError | undefined, result: number): void => {
        if (error !== undefined) return reject(error);
        if (result >= 0) return resolve({ ok: true, revision: result });
        resolve({ ok: false, reason: "wrong_revision", row: this.#reader.row(key) });
      };
      this.#writer.submit({ code: write.put, key, text: value, number, done });
    });
  }
}

export function tooManyRows(prefix: string): AgentFlowError {
  const max = tableLimits.rowsListed;
  return new AgentFlowError("limit_exceeded", `more than ${max} rows begin with "${prefix}"`, {
    reason: "too_many_rows",
    details: { max },
  });
}

interface WatchOptions {
  readonly prefix: string;
  readonly rows: (after: string) => readonly Row[];
  readonly leave: () => void;
}

/** One watcher of a prefix. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #known = new Set<string>();
  #waiting: RowChange[] = [];
  #isFirst = true;
  #ended = false;
  #wake: (() => void) | undefined;
  #newest = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The next batch; undefined once it has ended. One call at a time. */
  async next(): Promise<readonly RowChange[] | undefined> {
    while (!this.#ended) {
      if (this.#isFirst) return this.#rowsNow();
      if (this.#waiting.length > 0) return this.#changes();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return undefined;
  }

  offer(change: RowChange): void {
    if (this.#isFirst || change.revision <= this.#newest) return;
    if (!change.key.startsWith(this.#options.prefix)) return;
    this.#waiting.push(change);
    if (this.#waiting.length > tableLimits.changesWaiting) {
      this.#waiting = [...new Map(this.#waiting.map((one) => [one.key, one])).values()];
    }
    this.#awake();
  }

  restart(): void {
    this.#isFirst = true;
    this.#waiting = [];
    this.#awake();
  }

  end(): void {
    this.#ended = true;
    this.#options.leave();
    this.#awake();
  }

  /** All rows, and of those that were there before and are not now, that they are deleted. */
  #rowsNow(): readonly RowChange[] {
    const rows: Row[] = [];
    for (let after = "", more = true; more; ) {
      const page = this.#options.rows(after);
      rows.push(...page);
      after = page.at(-1)?.key ?? after;
      more = page.length === tableLimits.rowsListed;
    }
    this.#isFirst = false;
    const gone = new Set(this.#known);
    for (const { key, revision } of rows) {
      gone.delete(key);
      this.#known.add(key);
      this.#newest = Math.max(this.#newest, revision);
    }
    for (const key of gone) this.#known.delete(key);
    return [...rows, ...[...gone].map((key) => ({ key, value: undefined, revision: this.#newest }))];
  }

  #changes(): readonly RowChange[] {
    const batch = this.#waiting;
    this.#waiting = [];
    for (const { key, value } of batch) {
      if (value === undefined) this.#known.delete(key);
      else this.#known.add(key);
    }
    return batch;
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
