import { createHash } from "node:crypto";
import { backupLimits, type BackupContent, type BackupEnd, type BackupHead } from "./records.ts";
import { Tally } from "./tally.ts";

/** The lines of a backup in chunks, the manifest as their end. Not yet compressed. */
export async function* encodeBackup(
  records: AsyncIterable<BackupHead | BackupContent>,
): AsyncGenerator<Buffer, void> {
  const sha = createHash("sha256");
  const tally = new Tally();
  let lines: string[] = [];
  let characters = 0;
  const take = (): Buffer => {
    const chunk = Buffer.from(lines.join(""));
    sha.update(chunk);
    lines = [];
    characters = 0;
    return chunk;
  };
  for await (const record of records) {
    if (record.kind !== "backup") tally.add(record);
    const line = `${JSON.stringify(record)}\n`;
    lines.push(line);
    characters += line.length;
    if (characters >= backupLimits.chunkBytes) yield take();
  }
  if (characters > 0) yield take();
  const end: BackupEnd = { kind: "end", counts: tally.counts, sha256: sha.digest("hex") };
  yield Buffer.from(`${JSON.stringify(end)}\n`);
}
