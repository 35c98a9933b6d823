/** Copies of an installation: made while it runs, checked, and restored; over the ports alone. */
import { createZstdCompress } from "node:zlib";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type CopyOptions, copyInstallation } from "./copy.ts";
import { encodeBackup } from "./encode.ts";

export type { CopyOptions } from "./copy.ts";
export type { BackupReport } from "./examine.ts";
export type { Finding } from "./findings.ts";
export { refuseHalfRestored } from "./mark.ts";
export type { BackupCounts, BackupEnd } from "./records.ts";
export * from "./restore.ts";
export { decodeBackup } from "./decode.ts";

/** The file itself, written to `to` as fast as that takes it. `to` is ended, or destroyed by an error. */
export async function writeBackup(options: CopyOptions, to: NodeJS.WritableStream): Promise<void> {
  const zip: Transform = createZstdCompress();
  const lines = Readable.from(encodeBackup(copyInstallation(options)));
  await pipeline(lines, zip, to, { signal: options.signal });
}
