/** The door for the lines of a backup file. */
import { AgentFlowError, isSubject } from "@agentflow/protocol";
import type { BackupHead, BackupRecord } from "./records.ts";

type Fields = Record<string, unknown>;

const shapes: { readonly [K in BackupRecord["kind"]]: (fields: Fields) => boolean } = {
  backup: ({ at, installation, program }) => areTexts(at, installation, program),
  entry: ({ subject, body, revision, atMs }) =>
    areTexts(subject, body) && isSubject(String(subject)) && areCounts(revision, atMs),
  blob: ({ key, data, last }) => areTexts(key, data) && typeof last === "boolean",
  row: ({ key, value }) => areTexts(key, value),
  left: ({ subject, upTo }) => areTexts(subject) && areCounts(upTo),
  missing: ({ key, by }) => areTexts(key, by),
  end: ({ counts, sha256 }) => areTexts(sha256) && typeof counts === "object" && counts !== null,
};

/** The first line. Throws `refused` for a file that is no backup, or one of a newer format. */
export function parseHead(line: string): BackupHead {
  const fields = fieldsOf(line);
  if (fields?.["kind"] !== "backup") throw noBackup();
  const { v, program } = fields;
  if (v === 1 && shapes.backup(fields)) return fields as unknown as BackupHead;
  const by = typeof program === "string" ? program : "unknown";
  throw new AgentFlowError("refused", `the backup has format ${JSON.stringify(v)}, made by af ${by}`, {
    reason: "backup_newer",
    details: { found: v, known: 1, program: by },
    suggestions: [`use af ${by} or newer with this file`],
  });
}

/** Any later line. Throws `refused` for one that is none of ours. */
export function parseRecord(line: string): BackupRecord {
  const fields = fieldsOf(line);
  const kind = fields?.["kind"];
  if (fields !== undefined && typeof kind === "string" && isKind(kind) && shapes[kind](fields)) {
    return fields as unknown as BackupRecord;
  }
  throw torn("a line of it is no record");
}

export function noBackup(): AgentFlowError {
  return new AgentFlowError("refused", "the file is no backup of an installation", {
    reason: "no_backup",
    suggestions: ["af backup makes one"],
  });
}

export function torn(why: string): AgentFlowError {
  return new AgentFlowError("refused", `the backup is torn: ${why}`, {
    reason: "backup_torn",
    suggestions: ["use another copy of it, or make a new one: af backup"],
  });
}

/** Bytes as Node's streams give them. */
export function toBuffer(chunk: unknown): Buffer {
  return chunk as Buffer;
}

function fieldsOf(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function isKind(kind: string): kind is BackupRecord["kind"] {
  return Object.hasOwn(shapes, kind);
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

function areCounts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0);
}
