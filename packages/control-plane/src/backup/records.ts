/**
 * What a backup file holds: JSON records, one a line, compressed as one zstd stream. Read by every later
 * release, so it may only be widened. Whatever a record names stands before it.
 */
import type { BlobKey, Instant, Subject } from "@agentflow/protocol";

/** The first line. A higher `v` is refused: nothing in such a file is guessed at. */
export interface BackupHead {
  readonly v: 1;
  readonly kind: "backup";
  readonly at: Instant;
  /** The installation's id. */
  readonly installation: string;
  /** The release that made it, and the Node that this ran on. */
  readonly program: string;
  readonly node: string;
  readonly bus: string;
  readonly telemetry: boolean;
}

/** A record of the Log, letter by letter. Its revision keeps the order; a restored one has another. */
export interface BackupEntry {
  readonly kind: "entry";
  readonly subject: Subject;
  readonly revision: number;
  readonly atMs: number;
  readonly body: string;
}

/** A part of a blob, in base64; the parts of one blob follow each other, the last one says so. */
export interface BackupBlob {
  readonly kind: "blob";
  readonly key: BlobKey;
  readonly data: string;
  readonly last: boolean;
}

export interface BackupRow {
  readonly kind: "row";
  readonly key: string;
  readonly value: string;
}

/**
 * The run went from the log into an archive while the backup was made: what the file holds of it in the log,
 * up to this revision, is perhaps not all, and does not count. The archive has it whole.
 */
export interface BackupLeft {
  readonly kind: "left";
  readonly subject: Subject;
  readonly upTo: number;
}

/** A blob that something names and the installation itself did not have, or had damaged. */
export interface BackupMissing {
  readonly kind: "missing";
  readonly key: BlobKey;
  /** The subject or row that names it. */
  readonly by: string;
  readonly damaged: boolean;
}

/** The last line: without it the file is torn. */
export interface BackupEnd {
  readonly kind: "end";
  readonly counts: BackupCounts;
  /** SHA-256 of every line before this one, lower-case hex. */
  readonly sha256: string;
}

export interface BackupCounts {
  readonly log: number;
  readonly dead: number;
  readonly audit: number;
  readonly tele: number;
  readonly rows: number;
  readonly blobs: number;
  readonly blobBytes: number;
  readonly left: number;
  readonly missing: number;
}

export type BackupContent = BackupEntry | BackupBlob | BackupRow | BackupLeft | BackupMissing;
export type BackupRecord = BackupHead | BackupContent | BackupEnd;

export const backupLimits = {
  /** Of a blob, before base64: a line stays below a few MiB. */
  blobPartBytes: 768 * 1024,
  /** A record of the Log may be 1 MiB and grow sixfold when its quotes are escaped. */
  lineBytesMax: 16 * 1024 * 1024,
  /** Lines are gathered up to here before they are hashed, compressed and sent. */
  chunkBytes: 64 * 1024,
  /** Blobs whose keys are remembered, so that a plan of many runs is not written once a run. */
  keysRemembered: 100_000,
} as const;
