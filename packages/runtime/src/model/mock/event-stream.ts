/** Frames of `application/vnd.amazon.eventstream`: lengths, headers, payload, and a checksum of each part. */
import { crc32 } from "node:zlib";
import { Buffer } from "node:buffer";

/** One event; the payload need not be JSON. */
export function eventFrame(type: string, payload: string): Uint8Array {
  return frame(
    [
      header(":event-type", type),
      header(":content-type", "application/json"),
      header(":message-type", "event"),
    ],
    payload,
  );
}

// Two lengths and their checksum before, the checksum of everything after.
const preludeBytes = 12;
const trailerBytes = 4;
const stringHeader = 7;

function header(name: string, value: string): Buffer {
  const text = Buffer.from(value);
  const head = Buffer.alloc(name.length + 4);
  head.writeUInt8(name.length, 0);
  head.write(name, 1, "ascii");
  head.writeUInt8(stringHeader, name.length + 1);
  head.writeUInt16BE(text.length, name.length + 2);
  return Buffer.concat([head, text]);
}

function frame(headers: readonly Buffer[], payload: string): Uint8Array {
  const head = Buffer.concat(headers);
  const body = Buffer.from(payload);
  const total = preludeBytes + head.length + body.length + trailerBytes;
  const all = Buffer.alloc(total);
  all.writeUInt32BE(total, 0);
  all.writeUInt32BE(head.length, 4);
  all.writeUInt32BE(crc32(all.subarray(0, 8)), 8);
  head.copy(all, preludeBytes);
  body.copy(all, preludeBytes + head.length);
  all.writeUInt32BE(crc32(all.subarray(0, total - trailerBytes)), total - trailerBytes);
  return all;
}

/** The payloads of whole frames, as text; what comes after the last whole one is left out. */
export function eventPayloads(bytes: Uint8Array): readonly string[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payloads: string[] = [];
  for (let start = 0; start + preludeBytes <= all.length; ) {
    const total = all.readUInt32BE(start);
    const headers = all.readUInt32BE(start + 4);
    const end = start + total - trailerBytes;
    if (total < preludeBytes + headers + trailerBytes || end > all.length) break;
    payloads.push(all.toString("utf8", start + preludeBytes + headers, end));
    start += total;
  }
  return payloads;
}
