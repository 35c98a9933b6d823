/** A container's output as a cluster streams it - a time before each line - as whole lines. */
import type { OutputLine } from "../../docker/log-lines.ts";

const lineBytesMax = 64 * 1024;
const lineFeed = 10;
const timeAtStart = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;

/** Of a line that is longer than 64 KiB the beginning is told, and that it was. */
export class TextLines {
  readonly #onLine: (line: OutputLine) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #cut = false;

  constructor(onLine: (line: OutputLine) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#close();
      from = at + 1;
    }
    // A copy: the chunk's memory is the socket's.
    if (from < chunk.length) this.#keep(Buffer.from(chunk.subarray(from)));
  }

  /** What came last had no line feed: the connection broke in it, or its container died. */
  end(isWhole: boolean): void {
    if (isWhole && this.#bytes > 0) this.#close();
    this.#pieces = [];
  }

  #keep(piece: Buffer): void {
    const room = lineBytesMax - this.#bytes;
    if (piece.length > room) this.#cut = true;
    if (room <= 0 || piece.length === 0) return;
    const kept = piece.subarray(0, room);
    this.#pieces.push(kept);
    this.#bytes += kept.length;
  }

  #close(): void {
    const whole = Buffer.concat(this.#pieces).toString("utf8");
    const cut = this.#cut;
    this.#pieces = [];
    this.#bytes = 0;
    this.#cut = false;
    const found = timeAtStart.exec(whole);
    // Not the container's: the kubelet says so in the stream when it cannot go on.
    if (found === null) return;
    const text = whole.slice(found[0].length).replace(/\r$/, "");
    this.#onLine({ stream: "stdout", time: found[1] ?? "", text, cut });
  }
}
