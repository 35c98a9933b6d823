/**
 * Many streams over one line: how a worker in a container and whoever started it talk when all they share is
 * the container's standard input and output. A frame is a 4-byte big-endian length of what follows its
 * header, a byte for its kind, a 4-byte number of the stream.
 */
import { AgentFlowError } from "@agentflow/protocol";
import { Duplex, type Readable, type Writable } from "node:stream";

export interface Line {
  readonly input: Readable;
  readonly output: Writable;
}

export interface Tunnel {
  /** A stream that the other side gets under this name; what is written before it is taken waits. */
  open(name: string): Duplex;
  /** Settles when the line is gone; every stream of it has ended then. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface TunnelOptions {
  /** The two sides number their streams apart. */
  readonly side: "inside" | "outside";
  /** A stream that the other side opened. */
  readonly onStream: (name: string, stream: Duplex) => void;
}

const kinds = { open: 1, data: 2, end: 3, gone: 4 } as const;
const headerBytes = 9;
/** Longer than any piece that a stream is given at once. */
export const pieceBytesMax = 64 * 1024 * 1024;

/** What was read is handed on at once: a stream that nobody reads never holds up the others. */
export function openTunnel(line: Line, options: TunnelOptions): Tunnel {
  const tunnel = new Multiplexer(line, options);
  return { open: (name) => tunnel.open(name), closed: tunnel.closed, close: () => tunnel.close() };
}

class Multiplexer {
  readonly closed: Promise<void>;
  readonly #line: Line;
  readonly #onStream: TunnelOptions["onStream"];
  readonly #streams = new Map<number, TunnelStream>();
  readonly #drained: (() => void)[] = [];
  readonly #settle: () => void;
  #nextId: number;
  #isOpen = true;

  constructor(line: Line, { side, onStream }: TunnelOptions) {
    this.#line = line;
    this.#onStream = onStream;
    this.#nextId = side === "inside" ? 1 : 2;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#settle = closed.resolve;
    const read = cutFrames((frame) => this.#receive(frame));
    line.input.on("data", (chunk: Buffer) => {
      try {
        if (this.#isOpen) read(chunk);
      } catch {
        // Whoever breaks the framing cannot be understood any more.
        this.close();
      }
    });
    for (const event of ["end", "close", "error"]) line.input.on(event, () => this.close());
    for (const event of ["close", "error"]) line.output.on(event, () => this.close());
    line.output.on("drain", () => {
      for (const go of this.#drained.splice(0)) go();
    });
  }

  open(name: string): Duplex {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = this.#add(id);
    if (this.#isOpen) this.#line.output.write(frameOf(kinds.open, id, Buffer.from(name)));
    else stream.destroy();
    return stream;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const stream of this.#streams.values()) stream.lineGone();
    this.#streams.clear();
    for (const go of this.#drained.splice(0)) go();
    this.#line.output.end();
    this.#settle();
  }

  #add(id: number): TunnelStream {
    const stream = new TunnelStream({
      data: (chunk, then) => this.#send(frameOf(kinds.data, id, chunk), then),
      end: () => this.#send(frameOf(kinds.end, id, nothing)),
      gone: () => {
        if (this.#streams.delete(id)) this.#send(frameOf(kinds.gone, id, nothing));
      },
    });
    this.#streams.set(id, stream);
    return stream;
  }

  /** `then` is called once there is room for more, or never will be. */
  #send(frame: Buffer, then: () => void = () => undefined): void {
    if (!this.#isOpen || this.#line.output.write(frame)) then();
    else this.#drained.push(then);
  }

  #receive({ kind, id, body }: Frame): void {
    if (kind === kinds.open) {
      this.#onStream(body.toString("utf8"), this.#add(id));
      return;
    }
    // One that is gone here may have been spoken to meanwhile.
    const stream = this.#streams.get(id);
    if (kind === kinds.data) stream?.push(body);
    else if (kind === kinds.end) stream?.push(null);
    else if (kind === kinds.gone) {
      this.#streams.delete(id);
      stream?.lineGone();
    } else throw broken(`a frame of kind ${kind}`);
  }
}

interface Ways {
  data(chunk: Buffer, then: () => void): void;
  end(): void;
  gone(): void;
}

class TunnelStream extends Duplex {
  readonly #ways: Ways;

  constructor(ways: Ways) {
    super({ allowHalfOpen: false });
    this.#ways = ways;
  }

  /** Read to its end by whoever reads it, then closed. */
  lineGone(): void {
    if (this.destroyed) return;
    if (this.readableEnded) this.destroy();
    else {
      this.once("end", () => this.destroy());
      this.push(null);
    }
  }

  override _read(): void {
    // What comes is pushed as it comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, then: () => void): void {
    this.#ways.data(chunk, then);
  }

  override _final(then: () => void): void {
    this.#ways.end();
    then();
  }

  override _destroy(error: Error | null, then: (error: Error | null) => void): void {
    this.#ways.gone();
    then(error);
  }
}

interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly body: Buffer;
}

const nothing = Buffer.alloc(0);

function frameOf(kind: number, id: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt8(kind, 4);
  frame.writeUInt32BE(id, 5);
  body.copy(frame, headerBytes);
  return frame;
}

function cutFrames(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let waiting: Buffer[] = [];
  let size = 0;
  let wanted = headerBytes;
  return (chunk) => {
    waiting.push(chunk);
    size += chunk.length;
    if (size < wanted) return;
    let bytes = waiting.length === 1 ? chunk : Buffer.concat(waiting);
    wanted = headerBytes;
    while (bytes.length >= headerBytes) {
      const length = bytes.readUInt32BE(0);
      if (length > pieceBytesMax) throw broken(`a piece of ${length} bytes`);
      const end = headerBytes + length;
      if (bytes.length < end) {
        wanted = end;
        break;
      }
      const body = bytes.subarray(headerBytes, end);
      onFrame({ kind: bytes.readUInt8(4), id: bytes.readUInt32BE(5), body });
      bytes = bytes.subarray(end);
    }
    waiting = bytes.length === 0 ? [] : [bytes];
    size = bytes.length;
  };
}

function broken(what: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${what} came over the line`, { reason: "bad_frame" });
}
