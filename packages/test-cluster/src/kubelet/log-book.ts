/** What a container has printed, line by line, with the time of each; kept up to a limit. */
import type { LogQuery } from "../pods.ts";

interface Line {
  readonly at: string;
  readonly atMs: number;
  readonly text: Buffer;
}

const bytesKept = 16 * 1024 * 1024;
const newline = 10;

export class LogBook {
  #lines: Line[] = [];
  #bytes = 0;
  /** How many lines of the beginning are no longer kept. */
  #dropped = 0;
  readonly #open = new Map<"stdout" | "stderr", Buffer>();
  #closed = false;
  readonly #waiting = new Set<() => void>();

  write(stream: "stdout" | "stderr", chunk: Buffer): void {
    let rest = Buffer.concat([this.#open.get(stream) ?? Buffer.alloc(0), chunk]);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      this.#add(rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
    this.#open.set(stream, rest);
    this.#wake();
  }

  close(): void {
    for (const rest of this.#open.values()) if (rest.length > 0) this.#add(rest);
    this.#open.clear();
    this.#closed = true;
    this.#wake();
  }

  /** The lines that were asked for; with `follow` also those to come, until it is closed. */
  async *read(query: LogQuery, signal: AbortSignal): AsyncIterable<Buffer> {
    let left = query.limitBytes ?? Infinity;
    let next = this.#dropped + this.#first(query);
    for (;;) {
      for (; next < this.#dropped + this.#lines.length && left > 0; next++) {
        const line = this.#lines[next - this.#dropped];
        if (line === undefined) break;
        const whole = query.timestamps ? Buffer.concat([Buffer.from(`${line.at} `), line.text]) : line.text;
        const piece = whole.subarray(0, Math.min(whole.length, left));
        left -= piece.length;
        yield piece;
      }
      if (!query.follow || this.#closed || left <= 0 || signal.aborted) return;
      await this.#more(signal);
    }
  }

  /** The last lines, not more than so many bytes: a termination message of FallbackToLogsOnError. */
  tail(lines: number): string {
    return Buffer.concat(this.#lines.slice(-lines).map((line) => line.text))
      .toString()
      .slice(-2048);
  }

  #first(query: LogQuery): number {
    const { sinceMs, tailLines } = query;
    const since = sinceMs === undefined ? 0 : this.#lines.findIndex((line) => line.atMs >= sinceMs);
    const from = since < 0 ? this.#lines.length : since;
    return tailLines === undefined ? from : Math.max(from, this.#lines.length - tailLines);
  }

  #add(text: Buffer): void {
    const now = Date.now();
    const below = String(this.#lines.length % 1_000_000).padStart(6, "0");
    const at = `${new Date(now).toISOString().slice(0, -1)}${below}Z`;
    this.#lines.push({ at, atMs: now, text });
    this.#bytes += text.length;
    while (this.#bytes > bytesKept) {
      this.#bytes -= this.#lines.shift()?.text.length ?? 0;
      this.#dropped += 1;
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
