/** A container's output as an engine streams it - frames with a time before each piece - as whole lines. */
export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  /** When the engine took it, with nanoseconds: `2026-01-31T12:00:00.123456789Z`. */
  readonly time: string;
  /** Without its line feed; control characters are still in it. */
  readonly text: string;
  /** The line was longer than 64 KiB: this is its beginning. */
  readonly cut: boolean;
}

const headerBytes = 8;
const lineBytesMax = 64 * 1024;
/** No engine sends more in one frame; what claims so is no stream of frames. */
const frameBytesMax = 4 * 1024 * 1024;
const timeAtStart = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;

interface Open {
  time: string;
  readonly pieces: Buffer[];
  bytes: number;
  cut: boolean;
}

/**
 * The engine cuts a long line into several frames, each with a time of its own, and only the last of them
 * ends with a line feed; a frame may itself arrive in pieces.
 */
export class LogLines {
  readonly #onLine: (line: OutputLine) => void;
  readonly #open = { stdout: empty(), stderr: empty() };
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: (line: OutputLine) => void) {
    this.#onLine = onLine;
  }

  /** Throws when it is no such stream. */
  push(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (rest.length >= headerBytes) {
      const bytes = rest.readUInt32BE(4);
      if (bytes > frameBytesMax) throw new Error(`a frame of ${bytes} bytes`);
      if (rest.length < headerBytes + bytes) break;
      this.#frame(rest[0] === 2 ? "stderr" : "stdout", rest.subarray(headerBytes, headerBytes + bytes));
      rest = rest.subarray(headerBytes + bytes);
    }
    // A copy: the chunk's memory is the socket's.
    this.#rest = Buffer.from(rest);
  }

  /** What came last had no line feed: the container died in the middle of it. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) if (this.#open[stream].bytes > 0) this.#close(stream);
  }

  #frame(stream: "stdout" | "stderr", frame: Buffer): void {
    const open = this.#open[stream];
    const found = timeAtStart.exec(frame.toString("latin1", 0, 40));
    const head = found?.[0].length ?? 0;
    const ends = frame.at(-1) === 0x0a;
    if (open.bytes === 0) open.time = found?.[1] ?? open.time;
    // Nearly every line is one frame: it needs no pieces.
    if (open.bytes === 0 && ends && frame.length - head <= lineBytesMax) {
      const end = frame.length - (frame.at(-2) === 0x0d ? 2 : 1);
      const text = frame.toString("utf8", head, Math.max(head, end));
      return this.#onLine({ stream, time: open.time, cut: false, text });
    }
    const text = frame.subarray(head);
    const piece = ends ? text.subarray(0, -1) : text;
    const room = lineBytesMax - open.bytes;
    if (piece.length > room) open.cut = true;
    if (room > 0) open.pieces.push(Buffer.from(piece.subarray(0, room)));
    open.bytes += Math.min(piece.length, Math.max(0, room));
    if (ends) this.#close(stream);
  }

  #close(stream: "stdout" | "stderr"): void {
    const { time, pieces, cut } = this.#open[stream];
    this.#open[stream] = { ...empty(), time };
    const text = Buffer.concat(pieces).toString("utf8");
    this.#onLine({ stream, time, cut, text: text.replace(/\r$/, "") });
  }
}

function empty(): Open {
  return { time: "", pieces: [], bytes: 0, cut: false };
}
