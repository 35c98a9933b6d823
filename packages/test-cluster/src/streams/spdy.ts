/** As much of SPDY/3.1 as a port-forward needs: streams opened by the client, and data both ways. */
import { createDeflate, createInflate, constants, type Inflate, type Deflate } from "node:zlib";
import { spdyDictionary } from "./spdy-dictionary.ts";

export interface SpdyStream {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  /** The other side's data, and with `undefined` its end. */
  onData(listener: (chunk: Buffer | undefined) => void): void;
  write(chunk: Buffer): void;
  /** Half: the other side may still write. */
  end(): void;
  reset(): void;
}

export interface SpdyServer {
  /** Bytes of the other side, in whatever pieces they come. */
  receive(chunk: Buffer): void;
}

export interface SpdyOptions {
  readonly send: (frame: Buffer) => void;
  readonly opened: (stream: SpdyStream) => void;
  readonly goneAway: () => void;
}

const types = { open: 1, reply: 2, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
const finished = 1;
const dataBytesMost = 32 * 1024;

interface Open {
  readonly listeners: ((chunk: Buffer | undefined) => void)[];
  /** What came before anybody listened. */
  early: (Buffer | undefined)[];
}

export function spdyServer(options: SpdyOptions): SpdyServer {
  const streams = new Map<number, Open>();
  const headers = headerCodec();
  let left = Buffer.alloc(0);
  // Headers are unpacked aside: frames wait for each other, so that they stay in order.
  let turn: Promise<void> = Promise.resolve();
  const take = async (frame: Buffer): Promise<void> => {
    if ((frame[0] ?? 0) < 0x80) {
      takeData(streams, frame);
      return;
    }
    const type = frame.readUInt16BE(2);
    if (type === types.open) await open(options, { streams, headers }, frame);
    else if (type === types.ping) options.send(frame);
    else if (type === types.goAway) options.goneAway();
    else if (type === types.reset) tell(streams.get(frame.readUInt32BE(8)), undefined);
  };
  return {
    receive(chunk) {
      left = Buffer.concat([left, chunk]);
      for (;;) {
        if (left.length < 8) return;
        const length = 8 + left.readUIntBE(5, 3);
        if (left.length < length) return;
        const frame = left.subarray(0, length);
        left = left.subarray(length);
        turn = turn.then(() => take(frame));
      }
    },
  };
}

function takeData(streams: ReadonlyMap<number, Open>, frame: Buffer): void {
  const stream = streams.get(frame.readUInt32BE(0));
  if (frame.length > 8) tell(stream, frame.subarray(8));
  if (((frame[4] ?? 0) & finished) !== 0) tell(stream, undefined);
}

function tell(stream: Open | undefined, chunk: Buffer | undefined): void {
  if (stream === undefined) return;
  if (stream.listeners.length === 0) stream.early.push(chunk);
  for (const listener of stream.listeners) listener(chunk);
}

interface Known {
  readonly streams: Map<number, Open>;
  readonly headers: HeaderCodec;
}

async function open(options: SpdyOptions, known: Known, frame: Buffer): Promise<void> {
  const id = frame.readUInt32BE(8);
  const headers = await known.headers.unpack(frame.subarray(18));
  const stream: Open = { listeners: [], early: [] };
  known.streams.set(id, stream);
  options.send(control(types.reply, Buffer.concat([number(id), await known.headers.packNone()])));
  options.opened({
    id,
    headers,
    onData(listener) {
      stream.listeners.push(listener);
      for (const chunk of stream.early) listener(chunk);
      stream.early = [];
    },
    write(chunk) {
      for (let from = 0; from < chunk.length; from += dataBytesMost) {
        options.send(data(id, chunk.subarray(from, from + dataBytesMost), 0));
      }
    },
    end: () => options.send(data(id, Buffer.alloc(0), finished)),
    reset: () => options.send(control(types.reset, Buffer.concat([number(id), number(5)]))),
  });
  if (((frame[4] ?? 0) & finished) !== 0) tell(stream, undefined);
}

function control(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function data(id: number, chunk: Buffer, flags: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(chunk.length, 5, 3);
  return Buffer.concat([head, chunk]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

interface HeaderCodec {
  unpack(block: Buffer): Promise<ReadonlyMap<string, string>>;
  packNone(): Promise<Buffer>;
}

/** One window for all headers of a connection, each way. */
function headerCodec(): HeaderCodec {
  const dictionary = spdyDictionary();
  const inflate = createInflate({ dictionary, finishFlush: constants.Z_SYNC_FLUSH });
  const deflate = createDeflate({ dictionary });
  return {
    unpack: async (block) => readHeaders(await through(inflate, block)),
    packNone: () => through(deflate, number(0)),
  };
}

function through(codec: Inflate | Deflate, chunk: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const take = (part: Buffer) => parts.push(part);
    codec.on("data", take);
    codec.once("error", reject);
    codec.write(chunk);
    codec.flush(constants.Z_SYNC_FLUSH, () => {
      codec.off("data", take);
      codec.off("error", reject);
      resolve(Buffer.concat(parts));
    });
  });
}

function readHeaders(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 4;
  const text = () => {
    const length = block.readUInt32BE(at);
    const value = block.toString("utf8", at + 4, at + 4 + length);
    at += 4 + length;
    return value;
  };
  for (let count = block.readUInt32BE(0); count > 0; count--) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
}
