/** Copies of an installation: made while it runs, checked, and restored; over the ports alone. */
import { createZstdCompress } from "node:zlib";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AgentFlowError } from "@agentflow/protocol";
import { type CopyOptions, copyInstallation } from "./copy.ts";
import { encodeBackup } from "./encode.ts";

export type { CopyOptions } from "./copy.ts";
export type { BackupReport } from "./examine.ts";
export type { Finding } from "./findings.ts";
export { quietMsWith } from "./hold.ts";
export { findMark, refuseHalfRestored } from "./mark.ts";
export type { BackupCounts } from "./records.ts";
export * from "./restore.ts";
export { decodeBackup } from "./decode.ts";

/** The file's bytes, made as fast as they are taken. Ends with an error when the copy cannot be made. */
export function backupBytes(options: CopyOptions): Readable {
  const zip: Transform = createZstdCompress();
  const lines = Readable.from(encodeBackup(copyInstallation(options)));
  // What goes wrong comes out of the stream that is given back.
  pipeline(lines, zip, { signal: options.signal }).catch((error: unknown) => {
    zip.destroy(AgentFlowError.from(error, "the backup"));
  });
  return zip;
}
