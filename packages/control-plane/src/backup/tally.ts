import { streamOf } from "@agentflow/protocol";
import type { BackupContent, BackupCounts } from "./records.ts";

type Mutable = { -readonly [K in keyof BackupCounts]: BackupCounts[K] };

/** Counts what goes by, the same way for who writes a backup and who reads it. */
export class Tally {
  readonly counts: Mutable = {
    log: 0,
    dead: 0,
    audit: 0,
    tele: 0,
    rows: 0,
    blobs: 0,
    blobBytes: 0,
    left: 0,
    missing: 0,
  };

  add(record: BackupContent): void {
    const { counts } = this;
    switch (record.kind) {
      case "entry":
        counts[streamNameOf(record.subject)]++;
        return;
      case "blob":
        counts.blobBytes += Buffer.byteLength(record.data, "base64");
        if (record.last) counts.blobs++;
        return;
      case "row":
        counts.rows++;
        return;
      case "left":
        counts.left++;
        return;
      case "missing":
        counts.missing++;
        return;
    }
  }
}

function streamNameOf(subject: string): "log" | "dead" | "audit" | "tele" {
  const stream = streamOf(subject);
  return stream === "dead" || stream === "audit" || stream === "tele" ? stream : "log";
}
