/** A terminal's whole screen: drawn in place, read by key, left as it was found. */
import { keyNames } from "../debug/key-names.ts";
import { colorFor } from "../output/color.ts";
import { type Text, render } from "../output/text.ts";

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface FullScreen {
  readonly size: Size;
  /** As many lines as there are rows. Only those that changed are written. */
  draw(lines: readonly Text[]): void;
  /** Gives the screen back; resolves `left`. */
  leave(): void;
  /** Resolves once the screen was left: by `leave`, the end of the input, or a signal to end. */
  readonly left: Promise<void>;
}

export interface ScreenEvents {
  readonly onKey: (key: string) => void;
  /** The size changed, and nothing is on the screen. */
  readonly onResize: () => void;
}

export function openFullScreen(options: { readonly noColor: boolean }, events: ScreenEvents): FullScreen {
  const { stdin, stdout } = process;
  const color = colorFor(stdout, process.env, options.noColor);
  const { promise: left, resolve } = Promise.withResolvers<void>();
  let shown: readonly string[] = [];
  const onData = (data: Buffer): void => keyNames(data.toString("utf8")).forEach(events.onKey);
  const onResize = (): void => {
    shown = [];
    stdout.write("\u001b[2J");
    events.onResize();
  };
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    stdin.off("data", onData);
    stdin.off("end", close);
    stdout.off("resize", onResize);
    process.off("SIGTERM", close);
    process.off("SIGHUP", close);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write(leave);
    resolve();
  };
  stdout.write(enter);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on("data", onData);
  stdin.once("end", close);
  stdout.on("resize", onResize);
  process.once("SIGTERM", close);
  process.once("SIGHUP", close);
  return {
    get size() {
      return { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 };
    },
    draw(lines) {
      if (!isOpen) return;
      const next = lines.map((line) => render(line, color));
      const text = changes(shown, next);
      shown = next;
      if (text !== "") stdout.write(text);
    },
    leave: close,
    left,
  };
}

/** What turns one screen into the other: the lines that differ, each at its place. */
export function changes(before: readonly string[], after: readonly string[]): string {
  let text = "";
  for (const [row, line] of after.entries()) {
    if (before[row] !== line) text += `\u001b[${row + 1};1H${line}\u001b[K`;
  }
  return before.length > after.length ? `${text}\u001b[${after.length + 1};1H\u001b[J` : text;
}
