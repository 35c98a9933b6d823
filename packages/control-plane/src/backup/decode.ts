import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { AgentFlowError } from "@agentflow/protocol";
import { noBackup, parseHead, parseRecord, toBuffer, torn } from "./parse-record.ts";
import { backupLimits, type BackupCounts, type BackupRecord } from "./records.ts";
import { Tally } from "./tally.ts";

/**
 * The records of a backup, its head first and its end last. Throws `refused` for what is no backup, is of a
 * newer format, or is not whole: then what was read before must not be used.
 */
export async function* decodeBackup(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<BackupRecord, void> {
  const sha = createHash("sha256");
  const tally = new Tally();
  let isBegun = false;
  let isEnded = false;
  for await (const line of linesOf(plain(bytes))) {
    if (isEnded) throw torn("something follows its end");
    if (!isBegun) {
      isBegun = true;
      const head = parseHead(line.toString("utf8"));
      sha.update(line);
      yield head;
      continue;
    }
    const record = parseRecord(line.toString("utf8"));
    if (record.kind === "backup") throw torn("it begins twice");
    if (record.kind === "end") {
      isEnded = true;
      if (record.sha256 !== sha.digest("hex")) throw torn("its content does not have the SHA-256 it names");
      checkCounts(tally.counts, record.counts);
      yield record;
      continue;
    }
    sha.update(line);
    tally.add(record);
    yield record;
  }
  if (!isEnded) throw torn("its end is missing");
}

function checkCounts(found: BackupCounts, told: BackupCounts): void {
  for (const [name, count] of Object.entries(found)) {
    const expected: unknown = Reflect.get(told, name);
    if (expected !== count) throw torn(`it names ${String(expected)} ${name} and holds ${count}`);
  }
}

async function* plain(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  const unzip = createZstdDecompress();
  const magic = { isZstd: false };
  const feeding = pipeline(Readable.from(watched(bytes, magic)), unzip);
  // It ends with an error whenever the reader stops early; what matters comes out of the stream itself.
  feeding.catch(() => undefined);
  try {
    for await (const chunk of unzip) yield toBuffer(chunk);
  } catch (error) {
    if (AgentFlowError.is(error)) throw error;
    if (!isOfZlib(error)) throw AgentFlowError.from(error, "reading the backup");
    throw magic.isZstd ? torn("its bytes cannot be unpacked") : noBackup();
  }
  if (!magic.isZstd) throw noBackup();
}

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Sees by its first bytes whether the file is compressed as ours are. */
async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  seen: { isZstd: boolean },
): AsyncGenerator<Uint8Array, void> {
  let first: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (first !== undefined) {
      first = Buffer.concat([first, chunk.subarray(0, zstdMagic.length)]);
      seen.isZstd = first.subarray(0, zstdMagic.length).equals(zstdMagic);
      if (first.length >= zstdMagic.length) first = undefined;
    }
    yield chunk;
  }
}

function isOfZlib(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(ZSTD_|Z_|ERR_ZLIB)/.test(code);
}

/** Each line with its line feed. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      const piece = chunk.subarray(at, end + 1);
      at = end + 1;
      if (rest.length === 0) {
        yield piece;
        continue;
      }
      rest.push(piece);
      yield Buffer.concat(rest);
      rest = [];
      bytes = 0;
    }
    if (at === chunk.length) continue;
    rest.push(chunk.subarray(at));
    bytes += chunk.length - at;
    if (bytes > backupLimits.lineBytesMax) throw torn("a line of it is too long");
  }
  if (rest.length > 0) throw torn("its last line is not whole");
}
