import type { DatabaseSync, StatementSync } from "node:sqlite";
import { AgentFlowError, type Subject } from "@agentflow/protocol";
import type { LogEntry, Revision, Row } from "../../port/index.ts";
import { matches } from "../check.ts";
import { faultOf, openForReading } from "../store/database.ts";
import { keyPrefix, subjectKey } from "../store/subject-key.ts";
import { parseEntry, parseKey, parseRow, parseSubject } from "./parse-rows.ts";

/** What one read gives back at most, so that a long history does not stop the loop. */
export const readerLimits = { entriesPerScan: 512, charactersPerRead: 1024 * 1024 } as const;

export interface Scan {
  readonly entries: LogEntry[];
  /** Everything up to here was looked at. */
  readonly upTo: Revision;
  /** True when nothing stored is behind `upTo`. */
  readonly atEnd: boolean;
}

export interface SubjectPage {
  readonly subjects: readonly Subject[];
  /** Where the next one begins; undefined after the last. */
  readonly place: string | undefined;
}

const columns = "SELECT subject, revision, body, at FROM log";
const lastSubject = "\u{10ffff}";

/** Reads of one file, on their own connection: they see what is committed and never wait. */
export class Reader {
  readonly #db: DatabaseSync;
  readonly #ofSubject: StatementSync;
  readonly #all: StatementSync;
  readonly #ofSubjects: StatementSync;
  readonly #row: StatementSync;
  readonly #rows: StatementSync;
  readonly #lastOf: StatementSync;
  readonly #lastInRange: StatementSync;
  readonly #lastUnder: StatementSync;
  readonly #keys: StatementSync;

  constructor(path: string, cacheKiB: number) {
    const db = openForReading(path, cacheKiB);
    this.#db = db;
    this.#ofSubject = db.prepare(`${columns} WHERE subject = ? AND revision > ? ORDER BY revision LIMIT ?`);
    this.#all = db.prepare(`${columns} NOT INDEXED WHERE revision > ? ORDER BY revision LIMIT ?`);
    this.#ofSubjects = db.prepare(
      `${columns} WHERE subject IN (SELECT value FROM json_each(?)) AND revision > ?
       ORDER BY revision LIMIT ?`,
    );
    this.#row = db.prepare("SELECT key, value, revision FROM row WHERE key = ?");
    this.#rows = db.prepare(
      "SELECT key, value, revision FROM row WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?",
    );
    this.#lastOf = db.prepare("SELECT coalesce(max(revision), 0) AS n FROM log WHERE subject = ?");
    this.#lastInRange = db.prepare(
      "SELECT coalesce(max(revision), 0) AS n FROM log WHERE subject >= ? AND subject < ?",
    );
    this.#lastUnder = db.prepare(
      `SELECT revision AS n FROM log NOT INDEXED WHERE instr(' ' || subject, ' ' || ?) > 0
       ORDER BY revision DESC LIMIT 1`,
    );
    // One look into the index a subject, however many records it has.
    this.#keys = db.prepare(
      `WITH RECURSIVE next(key) AS (
         SELECT min(subject) FROM log WHERE subject > ?
         UNION ALL
         SELECT (SELECT min(subject) FROM log WHERE subject > next.key) FROM next WHERE next.key IS NOT NULL
       ) SELECT key FROM next WHERE key IS NOT NULL LIMIT ?`,
    );
  }

  /** Records of one subject, oldest first; fewer than `limit` when they are long (`more` says so). */
  read(of: { subject: Subject; after: Revision; limit: number }): { entries: LogEntry[]; more: boolean } {
    return this.#reading(() => {
      const entries: LogEntry[] = [];
      let characters = 0;
      for (const row of this.#ofSubject.iterate(subjectKey(of.subject), of.after, of.limit)) {
        const entry = parseEntry(row);
        entries.push(entry);
        characters += entry.body.length;
        if (characters >= readerLimits.charactersPerRead) return { entries, more: entries.length < of.limit };
      }
      return { entries, more: false };
    });
  }

  /** The next stretch of the log behind `after`, only what the filter matches. */
  scan(filter: readonly Subject[], after: Revision): Scan {
    return this.#reading(() => {
      const exact = filter.every((one) => !one.endsWith("."));
      const limit = readerLimits.entriesPerScan;
      const rows = exact
        ? this.#ofSubjects.iterate(JSON.stringify(filter.map(subjectKey)), after, limit)
        : this.#all.iterate(after, limit);
      const entries: LogEntry[] = [];
      let upTo = after;
      let seen = 0;
      let characters = 0;
      for (const row of rows) {
        const entry = parseEntry(row);
        upTo = entry.revision;
        seen++;
        characters += entry.body.length;
        if (exact || matches(filter, entry.subject)) entries.push(entry);
        if (characters >= readerLimits.charactersPerRead) return { entries, upTo, atEnd: false };
      }
      return { entries, upTo, atEnd: seen < limit };
    });
  }

  /** The newest revision under a prefix or of a subject; 0 when there is none. */
  head(prefix: Subject): Revision {
    return this.#reading(() => {
      if (!prefix.endsWith(".")) return Number(this.#lastOf.get(subjectKey(prefix))?.["n"] ?? 0);
      // The log's own newest record is at the end of the file or near it; the few others have the index.
      const inLog = prefix.startsWith("af.log.");
      const row = inLog
        ? this.#lastUnder.get(prefix)
        : this.#lastInRange.get(prefix, `${prefix}${lastSubject}`);
      return Number(row?.["n"] ?? 0);
    });
  }

  /** Some subjects under the prefix, behind the place that the page before gave. */
  subjects(prefix: Subject, after: string | undefined): SubjectPage {
    return this.#reading(() => {
      const begin = keyPrefix(prefix);
      const limit = readerLimits.entriesPerScan;
      const subjects: Subject[] = [];
      let place = after ?? begin;
      let seen = 0;
      for (const row of this.#keys.iterate(place, limit)) {
        place = parseKey(row);
        if (!place.startsWith(begin)) return { subjects, place: undefined };
        const subject = parseSubject(place);
        if (subject.startsWith(prefix)) subjects.push(subject);
        seen++;
      }
      return { subjects, place: seen < limit ? undefined : place };
    });
  }

  row(key: string): Row | undefined {
    return this.#reading(() => {
      const row = this.#row.get(key);
      return row === undefined ? undefined : parseRow(row);
    });
  }

  /** Rows under `prefix` behind the key `after`, in order; fewer than `limit` when they are long. */
  rows(of: { prefix: string; after: string; limit: number; charactersMax: number }): Row[] {
    return this.#reading(() => {
      const found: Row[] = [];
      let characters = 0;
      for (const raw of this.#rows.iterate(of.prefix, `${of.prefix}${lastSubject}`, of.after, of.limit)) {
        const row = parseRow(raw);
        found.push(row);
        characters += row.value.length;
        if (characters >= of.charactersMax) break;
      }
      return found;
    });
  }

  /** Of the pages in use: told without counting. */
  get bytes(): number {
    return this.#reading(() => {
      const of = (pragma: string): number =>
        Number(this.#db.prepare(`PRAGMA ${pragma}`).get()?.[pragma] ?? 0);
      return (of("page_count") - of("freelist_count")) * of("page_size");
    });
  }

  close(): void {
    this.#db.close();
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const { message, sqlite } = faultOf(error);
      throw new AgentFlowError("unavailable", `the log could not be read: ${message}`, {
        reason: "storage_failed",
        details: { sqlite },
        cause: error,
      });
    }
  }
}
