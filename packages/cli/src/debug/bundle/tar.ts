/**
 * The little of tar that a bundle needs: plain files in one folder. Written so that any tar opens it; read so
 * that nothing in a foreign one can do harm: it never reaches the disk, and only names of ours are looked at.
 */
import { AgentFlowError } from "@agentflow/protocol";

const block = 512;
const digitsMax = 11;

export interface TarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function writeTar(files: readonly TarFile[], atMs: number): Uint8Array {
  const parts = files.flatMap(({ name, bytes }) => [
    headerOf(name, bytes.length, atMs),
    bytes,
    new Uint8Array((block - (bytes.length % block)) % block),
  ]);
  return Buffer.concat([...parts, new Uint8Array(2 * block)]);
}

function headerOf(name: string, size: number, atMs: number): Uint8Array {
  const header = Buffer.alloc(block);
  const number = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name, 0, 100, "utf8");
  header.write(number(0o600, 7), 100, "latin1");
  header.write(number(0, 7), 108, "latin1");
  header.write(number(0, 7), 116, "latin1");
  header.write(number(size, digitsMax), 124, "latin1");
  header.write(number(Math.floor(atMs / 1000), digitsMax), 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write("0", 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  header.write(`${sumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Refuses what is torn, what is no plain file, and names that are not among the known ones. */
export function readTar(tar: Uint8Array, known: ReadonlySet<string>): ReadonlyMap<string, Uint8Array> {
  const bytes = Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength);
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + block <= bytes.length; ) {
    const header = bytes.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return files;
    const { name, size } = parseHeader(header);
    if (!known.has(name)) throw damaged(`it holds a file that no bundle has: ${JSON.stringify(name)}`);
    if (files.has(name)) throw damaged(`it holds ${name} twice`);
    const start = at + block;
    if (start + size > bytes.length) throw damaged(`${name} is cut short`);
    files.set(name, bytes.subarray(start, start + size));
    at = start + Math.ceil(size / block) * block;
  }
  throw damaged("its end is missing");
}

function parseHeader(header: Buffer): { name: string; size: number } {
  const text = (from: number, to: number): string => {
    const [value = ""] = header.toString("utf8", from, to).split("\0");
    return value;
  };
  const octal = (value: string): number =>
    /^ *[0-7]{1,11} *$/.test(value) ? Number.parseInt(value, 8) : Number.NaN;
  const type = text(156, 157);
  const size = octal(text(124, 136));
  const named = text(0, 100);
  if (octal(text(148, 156)) !== sumOf(header)) throw damaged("a header does not match its sum");
  if (type !== "0" && type !== "") throw damaged(`${JSON.stringify(named)} is no plain file`);
  if (!Number.isSafeInteger(size)) throw damaged(`${JSON.stringify(named)} has no size`);
  if (text(345, 500) !== "") throw damaged(`${JSON.stringify(named)} lies in a folder`);
  return { name: named, size };
}

/** All bytes of a header, those of the sum itself taken for spaces. */
function sumOf(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

export function damaged(what: string, cause?: unknown): AgentFlowError {
  return new AgentFlowError("invalid_input", `the bundle cannot be read: ${what}`, {
    reason: "bundle_damaged",
    ...(cause === undefined ? {} : { cause }),
    suggestions: ["make it again: af debug bundle RUN"],
  });
}
