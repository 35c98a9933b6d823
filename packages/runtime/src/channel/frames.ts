/**
 * Frames between processes: a 4-byte big-endian length, then UTF-8 JSON of an array of messages. Everything
 * said in one turn of the loop leaves as one frame, or as few as hold it, so a busy channel costs one system
 * call a turn, not one a message.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type { Duplex } from "node:stream";
import { badFrame, type Message, parseFrame } from "./parse-frame.ts";

export type { Message } from "./parse-frame.ts";

export const frameBytesMax = 32 * 1024 * 1024;

export interface Channel {
  /** Throws at once on what cannot be sent: `limit_exceeded`, or JSON's own error. Nothing else is lost. */
  send(message: Message): void;
  /** What was said leaves now, as far as the stream takes it, and not at the end of this turn. */
  flush(): void;
  /** Ends the channel once what was said has left. */
  close(): void;
  /** Settles when the other side is gone, or broke the framing. */
  readonly closed: Promise<void>;
}

/** Speaks frames over a stream. `receive` gets every message in order; a broken frame closes the channel. */
export function openChannel(stream: Duplex, receive: (message: Message) => void): Channel {
  let outgoing: string[] = [];
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    const texts = outgoing;
    outgoing = [];
    if (stream.destroyed) return;
    for (const frame of framesOf(texts)) stream.write(frame);
  };
  const feed = frameReader((messages) => {
    for (const message of messages) receive(message);
  });
  stream.on("data", (chunk: Buffer) => {
    try {
      feed(chunk);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  const closed = new Promise<void>((resolve) => {
    stream.once("close", resolve);
    // The error itself says no more than the close that follows it.
    stream.on("error", () => stream.destroy());
  });
  return {
    send(message) {
      const text = JSON.stringify(message);
      if (text.length * 3 > frameBytesMax) checkLength(Buffer.byteLength(text) + brackets);
      outgoing.push(text);
      if (scheduled) return;
      scheduled = true;
      setImmediate(flush);
    },
    flush,
    close() {
      flush();
      stream.end();
    },
    closed,
  };
}

const brackets = 2;

export function encodeFrame(messages: readonly Message[]): Buffer {
  return frameOf(JSON.stringify(messages));
}

/** As few frames as hold the messages, in their order. */
function framesOf(texts: readonly string[]): Buffer[] {
  const frames: Buffer[] = [];
  let from = 0;
  let bytes = brackets;
  for (const [at, text] of texts.entries()) {
    const more = Buffer.byteLength(text) + 1;
    if (at > from && bytes + more > frameBytesMax) {
      frames.push(frameOf(`[${texts.slice(from, at).join(",")}]`));
      from = at;
      bytes = brackets;
    }
    bytes += more;
  }
  if (from < texts.length) frames.push(frameOf(`[${texts.slice(from).join(",")}]`));
  return frames;
}

function frameOf(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  checkLength(bytes);
  const frame = Buffer.allocUnsafe(4 + bytes);
  frame.writeUInt32BE(bytes, 0);
  frame.write(text, 4);
  return frame;
}

function checkLength(bytes: number): void {
  if (bytes <= frameBytesMax) return;
  throw new AgentFlowError("limit_exceeded", `a frame of ${bytes} bytes is over ${frameBytesMax}`, {
    suggestions: ["pass big data as a file or by a store, and say where it lies"],
  });
}

/** Cuts a byte stream into frames. Throws `invalid_input` on a length or a body that cannot be. */
export function frameReader(onFrame: (messages: readonly Message[]) => void): (chunk: Buffer) => void {
  let waiting: Buffer[] = [];
  let size = 0;
  return (chunk) => {
    waiting.push(chunk);
    size += chunk.length;
    if (size < 4 || (waiting.length > 1 && size < needed(waiting))) return;
    let bytes = waiting.length === 1 ? chunk : Buffer.concat(waiting);
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (length > frameBytesMax) throw badFrame(`a frame of ${length} bytes is over ${frameBytesMax}`);
      if (bytes.length < 4 + length) break;
      onFrame(parseFrame(bytes.toString("utf8", 4, 4 + length)));
      bytes = bytes.subarray(4 + length);
    }
    waiting = bytes.length === 0 ? [] : [bytes];
    size = bytes.length;
  };
}

/** How many bytes the frame that is coming in needs, header included. */
function needed(chunks: readonly Buffer[]): number {
  const head = chunks[0];
  if (head === undefined || head.length < 4) return 4;
  return 4 + head.readUInt32BE(0);
}
