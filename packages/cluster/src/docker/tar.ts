/** The few archives that go to and from an engine: small files with an owner and a mode. */
export interface TarEntry {
  /** Without a leading slash, at most 99 bytes. */
  readonly path: string;
  /** Absent: a folder. */
  readonly content?: string;
  readonly mode: number;
  readonly uid: number;
  readonly modifiedMs: number;
}

const block = 512;

export function packTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const body = Buffer.from(entry.content ?? "");
    const padding = Buffer.alloc((block - (body.length % block)) % block);
    return [header(entry, body.length), body, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

/** One file of any size, piece by piece; `bytes` of it are taken. */
export async function* tarOfFile(file: {
  readonly path: string;
  readonly bytes: number;
  readonly uid: number;
  readonly content: AsyncIterable<Uint8Array>;
}): AsyncGenerator<Uint8Array> {
  const { path, bytes, uid, content } = file;
  yield header({ path, content: "", mode: 0o400, uid, modifiedMs: 0 }, bytes);
  let sent = 0;
  for await (const piece of content) {
    sent += piece.length;
    yield piece;
  }
  if (sent !== bytes) throw new RangeError(`${path} changed while it was read`);
  yield Buffer.alloc(((block - (bytes % block)) % block) + 2 * block);
}

/** Plain files by path; anything else in the archive is left out. */
export function readTar(archive: Buffer): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (let at = 0; at + block <= archive.length; ) {
    const head = archive.subarray(at, at + block);
    if (head.every((byte) => byte === 0)) break;
    const size = Number.parseInt(field(head, 124, 12).trim() || "0", 8);
    const kind = field(head, 156, 1);
    const body = archive.subarray(at + block, at + block + size);
    const prefix = field(head, 345, 155);
    const path = `${prefix === "" ? "" : `${prefix}/`}${field(head, 0, 100)}`;
    if (kind === "0" || kind === "") files.set(path, body.toString("utf8"));
    at += block + Math.ceil(size / block) * block;
  }
  return files;
}

function header(entry: TarEntry, size: number): Buffer {
  const folder = entry.content === undefined;
  const path = folder ? `${entry.path}/` : entry.path;
  if (Buffer.byteLength(path) > 99) throw new RangeError(`${entry.path} is too long a path for an archive`);
  const head = Buffer.alloc(block);
  head.write(path, 0);
  head.write(octal(entry.mode, 7), 100);
  head.write(octal(entry.uid, 7), 108);
  head.write(octal(entry.uid, 7), 116);
  head.write(octal(size, 11), 124);
  head.write(octal(Math.floor(entry.modifiedMs / 1_000), 11), 136);
  head.write("        ", 148);
  head.write(folder ? "5" : "0", 156);
  head.write("ustar\u000000", 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 6)}\u0000 `, 148);
  return head;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function field(head: Buffer, at: number, length: number): string {
  const bytes = head.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? length : end).toString("utf8");
}
