/** Output of user code as lines: bounded in length and in rate, and what is dropped is counted and said. */
import { StringDecoder } from "node:string_decoder";

export const outputLimits = {
  lineCharsMax: 8_192,
  linesPerSecondMax: 2_000,
} as const;

export interface LineReader {
  feed(chunk: Buffer): void;
  /** The output has ended: what stands there without a newline is a line too. */
  end(): void;
}

const second = 1_000;

/** Takes chunks, gives lines. Over the rate, lines are dropped, and one line says how many. */
export function lineReader(onLine: (text: string) => void): LineReader {
  const { lineCharsMax } = outputLimits;
  const decoder = new StringDecoder("utf8");
  const say = limited(onLine);
  let rest = "";
  let skipping = false;
  const line = (text: string): void =>
    say(text.length > lineCharsMax ? `${text.slice(0, lineCharsMax)}…` : text);
  return {
    feed(chunk) {
      const parts = (rest + decoder.write(chunk)).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        if (skipping) skipping = false;
        else line(part);
      }
      if (rest.length <= lineCharsMax) return;
      // A line without an end must not fill the memory: its head is shown, the rest is passed over.
      if (!skipping) line(rest);
      skipping = true;
      rest = "";
    },
    end() {
      if (rest !== "" && !skipping) line(rest);
      rest = "";
      say.flush();
    },
  };
}

function limited(onLine: (text: string) => void): { (text: string): void; flush(): void } {
  const { linesPerSecondMax } = outputLimits;
  let count = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    count = 0;
    if (dropped > 0) onLine(`… ${dropped} lines dropped: more than ${linesPerSecondMax} in a second`);
    dropped = 0;
  };
  const say = (text: string): void => {
    // By a timer, not by the next line: a flood may be the last that is heard of it.
    timer ??= setTimeout(flush, second).unref();
    count++;
    if (count > linesPerSecondMax) dropped++;
    else onLine(text);
  };
  return Object.assign(say, { flush });
}
