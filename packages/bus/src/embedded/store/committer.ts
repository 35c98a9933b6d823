import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type DatabaseOptions, faultOf, openForWriting } from "./database.ts";
import { anyRevision, type FlatGroup, type GroupOutcome, refused, slotsPerWrite, write } from "./group.ts";
import { Heads } from "./heads.ts";
import { subjectKey } from "./subject-key.ts";

/** Records that one `shrink` removes at most, so that others are not kept waiting behind it. */
const shrinkStep = 2_000;

/**
 * The only writer of one file: a group is one transaction, each fence checked inside it. A group that fails
 * leaves nothing behind; the file is opened anew before the next one.
 */
export class Committer {
  readonly #options: DatabaseOptions;
  #open: OpenFile | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Never throws: what went wrong is in the outcome, and then none of the group was kept. */
  commit(group: FlatGroup, atMs: number): GroupOutcome {
    try {
      this.#open ??= new OpenFile(openForWriting(this.#options));
      return { ok: true, atMs, results: this.#open.commit(group, atMs) };
    } catch (error) {
      this.#open?.abandon();
      this.#open = undefined;
      return { ok: false, ...faultOf(error) };
    }
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }
}

/** One connection with its statements and what it remembers; thrown away whole when a commit fails. */
class OpenFile {
  readonly #db: DatabaseSync;
  readonly #heads = new Heads();
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #head: StatementSync;
  readonly #purge: StatementSync;
  readonly #row: StatementSync;
  readonly #putRow: StatementSync;
  readonly #deleteRow: StatementSync;
  readonly #keepLast: StatementSync;
  #last: number;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#insert = db.prepare("INSERT INTO log (revision, subject, at, body) VALUES (?, ?, ?, ?)");
    this.#head = db.prepare("SELECT revision AS n FROM log WHERE subject = ? ORDER BY revision DESC LIMIT 1");
    this.#purge = db.prepare("DELETE FROM log WHERE subject = ? AND revision <= ?");
    this.#row = db.prepare("SELECT revision AS n FROM row WHERE key = ?");
    this.#putRow = db.prepare("INSERT OR REPLACE INTO row (key, value, revision) VALUES (?, ?, ?)");
    this.#deleteRow = db.prepare("DELETE FROM row WHERE key = ?");
    this.#keepLast = db.prepare("INSERT OR REPLACE INTO meta VALUES ('last', ?)");
    this.#last = this.#number(`SELECT max(
      (SELECT coalesce(max(revision), 0) FROM log), (SELECT coalesce(max(revision), 0) FROM row),
      coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last'), 0)) AS n`);
  }

  commit(group: FlatGroup, atMs: number): number[] {
    const results: number[] = [];
    this.#begin.run();
    for (let i = 0; i < group.length; i += slotsPerWrite) {
      const code = group[i];
      const key = group[i + 1];
      const text = group[i + 2];
      const number = group[i + 3];
      if (typeof key !== "string" || typeof number !== "number" || text === undefined) {
        throw new TypeError("a write of the wrong shape");
      }
      const body = typeof text === "string" ? text : null;
      if (code === write.append) results.push(this.#append(key, body ?? "", number, atMs));
      else results.push(this.#rare({ code, key, body, number }));
    }
    this.#commit.run();
    return results;
  }

  close(): void {
    this.#db.close();
  }

  abandon(): void {
    try {
      this.#db.close();
    } catch {
      // It is thrown away because it is broken; closing it rolls back what was open, if anything can.
    }
  }

  #append(subject: string, body: string, expect: number, atMs: number): number {
    if (expect !== anyRevision) {
      const head = this.#heads.get(subject) ?? this.#readHead(subject);
      if (head !== expect) return refused(head);
    }
    const revision = ++this.#last;
    this.#insert.run(revision, subjectKey(subject), atMs, body);
    this.#heads.set(subject, revision);
    return revision;
  }

  #rare(of: { code: unknown; key: string; body: string | null; number: number }): number {
    if (of.code === write.put) return this.#put(of.key, of.body, of.number);
    if (of.code === write.purge) {
      this.#purge.run(subjectKey(of.key), of.number);
      return this.#forgetHeads();
    }
    if (of.code === write.expire) {
      const statement = this.#db.prepare("DELETE FROM log WHERE subject >= ? AND subject < ? AND at < ?");
      statement.run(of.key, `${of.key}\u{10ffff}`, of.number);
      return this.#forgetHeads();
    }
    return this.#shrink(of.number);
  }

  #put(key: string, value: string | null, expect: number): number {
    const held = Number(this.#row.get(key)?.["n"] ?? 0);
    if (expect !== anyRevision && held !== expect) return refused(held);
    const revision = ++this.#last;
    if (value === null) this.#deleteRow.run(key);
    else this.#putRow.run(key, value, revision);
    if (value === null) this.#keepLast.run(String(this.#last));
    return revision;
  }

  /** Removes the oldest records while the file is too big. Answers how many are still to go. */
  #shrink(bytesMax: number): number {
    const pages = this.#number("PRAGMA page_count", "page_count");
    const free = this.#number("PRAGMA freelist_count", "freelist_count");
    const used = (pages - free) * this.#number("PRAGMA page_size", "page_size");
    if (used <= bytesMax) return 0;
    const records = this.#number("SELECT count(*) AS n FROM log");
    const surplus = Math.ceil(records * Math.min(1, (used - bytesMax * 0.9) / used));
    const bound = Math.min(surplus, shrinkStep);
    this.#db
      .prepare("DELETE FROM log WHERE revision IN (SELECT revision FROM log ORDER BY revision LIMIT ?)")
      .run(bound);
    this.#forgetHeads();
    return surplus - bound;
  }

  /** After records went: the newest may be among them, and no revision is given out twice. */
  #forgetHeads(): number {
    this.#heads.clear();
    this.#keepLast.run(String(this.#last));
    return this.#last;
  }

  #readHead(subject: string): number {
    return Number(this.#head.get(subjectKey(subject))?.["n"] ?? 0);
  }

  #number(sql: string, column = "n"): number {
    return Number(this.#db.prepare(sql).get()?.[column] ?? 0);
  }
}
