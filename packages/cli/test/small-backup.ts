/** The smallest backup there is: of an installation in which nothing has ever run. */
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";

export function smallBackup(): Buffer {
  const head = {
    v: 1,
    kind: "backup",
    at: "2026-01-31T12:00:00.000Z",
    installation: "0123456789abcdef",
    program: "0.1.0",
    node: "v24.21.0",
    bus: "embedded",
    telemetry: false,
  };
  const line = `${JSON.stringify(head)}\n`;
  const counts = { log: 0, dead: 0, audit: 0, tele: 0, rows: 0, blobs: 0, blobBytes: 0, left: 0, missing: 0 };
  const end = { kind: "end", counts, sha256: createHash("sha256").update(line).digest("hex") };
  return zstdCompressSync(`${line}${JSON.stringify(end)}\n`);
}
