/** The door from SQLite's rows to entries and table rows: the schema is the proof of their types. */
import type { SQLOutputValue } from "node:sqlite";
import type { Subject } from "@agentflow/protocol";
import type { LogEntry, Row } from "../../port/index.ts";
import { subjectOfKey } from "../store/subject-key.ts";

type SqlRow = Record<string, SQLOutputValue>;

export function parseEntry(row: SqlRow): LogEntry {
  return {
    subject: subjectOfKey(row["subject"] as string) as Subject,
    revision: row["revision"] as number,
    body: row["body"] as string,
    atMs: row["at"] as number,
  };
}

export function parseKey(row: SqlRow): string {
  return row["key"] as string;
}

export function parseSubject(key: string): Subject {
  return subjectOfKey(key) as Subject;
}

export function parseRow(row: SqlRow): Row {
  return {
    key: row["key"] as string,
    value: row["value"] as string,
    revision: row["revision"] as number,
  };
}
