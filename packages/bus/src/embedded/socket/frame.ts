import { malformed } from "./malformed.ts";
import { parseHeader } from "./parse-message.ts";

/**
 * A frame: 4 bytes of length (big-endian), then UTF-8: one line of JSON, an array of messages, and behind its
 * line feed the bodies of all messages, one after the other. A message is
 * `[operation, id, facts, length of its first body, ...]`, lengths in UTF-16 units. Bodies are JSON
 * themselves; standing outside they are neither escaped nor parsed on their way.
 */
export const frameLimits = {
  bytesMax: 8 * 1024 * 1024,
  /** One frame is ended at so many units, so that what follows need not wait for a long one. */
  charactersAimed: 1024 * 1024,
  headBytes: 4,
} as const;

export interface Message {
  readonly operation: number;
  readonly id: number;
  readonly facts: unknown;
  readonly bodies: readonly string[];
}

const none: readonly string[] = [];
/** A body is cut loose from a frame this long, which it would else keep in memory whole. */
const longFrame = 64 * 1024;

/** Gathers messages and gives them as frames. */
export class FrameWriter {
  #header: unknown[] = [];
  #bodies: string[] = [];
  #characters = 0;
  #full: Buffer[] = [];

  get isEmpty(): boolean {
    return this.#header.length === 0 && this.#full.length === 0;
  }

  add(message: Message): void {
    const head: unknown[] = [message.operation, message.id, message.facts];
    for (const body of message.bodies) {
      head.push(body.length);
      this.#bodies.push(body);
      this.#characters += body.length;
    }
    this.#header.push(head);
    if (this.#characters >= frameLimits.charactersAimed) this.#seal();
  }

  /** Everything added since the last call. */
  take(): Buffer[] {
    if (this.#header.length > 0) this.#seal();
    const frames = this.#full;
    this.#full = [];
    return frames;
  }

  #seal(): void {
    const text = `${JSON.stringify(this.#header)}\n${this.#bodies.join("")}`;
    this.#header = [];
    this.#bodies = [];
    this.#characters = 0;
    const bytes = Buffer.byteLength(text);
    const frame = Buffer.allocUnsafe(frameLimits.headBytes + bytes);
    frame.writeUInt32BE(bytes, 0);
    frame.write(text, frameLimits.headBytes, "utf8");
    this.#full.push(frame);
  }
}

/** Takes bytes as they come and gives the messages in them. Throws on bytes that are no frame. */
export class FrameReader {
  readonly #onMessage: (message: Message) => void;
  readonly #bytesMax: () => number;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #wanted = 0;

  constructor(onMessage: (message: Message) => void, bytesMax: () => number) {
    this.#onMessage = onMessage;
    this.#bytesMax = bytesMax;
  }

  read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#restBytes > 0) {
      this.#rest.push(chunk);
      this.#restBytes += chunk.length;
      if (this.#restBytes < this.#wanted) return;
      bytes = Buffer.concat(this.#rest, this.#restBytes);
    }
    const left = this.#frames(bytes);
    this.#rest = left.length > 0 ? [left] : [];
    this.#restBytes = left.length;
  }

  #frames(bytes: Buffer): Buffer {
    const { headBytes } = frameLimits;
    let at = 0;
    for (;;) {
      const has = bytes.length - at;
      this.#wanted = headBytes;
      if (has < headBytes) return bytes.subarray(at);
      const length = bytes.readUInt32BE(at);
      if (length > this.#bytesMax()) throw malformed(`a frame of ${length} bytes is over the limit`);
      this.#wanted = headBytes + length;
      if (has < this.#wanted) return bytes.subarray(at);
      this.#frame(bytes.toString("utf8", at + headBytes, at + this.#wanted));
      at += this.#wanted;
    }
  }

  #frame(text: string): void {
    const end = text.indexOf("\n");
    if (end < 0) throw malformed("a frame without an end of its header");
    let at = end + 1;
    for (const [operation, id, facts, lengths] of parseHeader(text.slice(0, end))) {
      if (lengths.length === 0) {
        this.#onMessage({ operation, id, facts, bodies: none });
        continue;
      }
      const bodies: string[] = [];
      for (const length of lengths) {
        if (at + length > text.length) throw malformed("a body that is longer than its frame");
        const body = text.slice(at, at + length);
        bodies.push(text.length > longFrame ? cutLoose(body) : body);
        at += length;
      }
      this.#onMessage({ operation, id, facts, bodies });
    }
    if (at !== text.length) throw malformed("bytes behind the last body");
  }
}

/** A slice keeps the text it was cut from; this one does not. */
function cutLoose(slice: string): string {
  return Buffer.from(slice, "utf8").toString("utf8");
}
