/** The only writer to stdout and stderr: data to the one, talk to the other, JSON when it was asked for. */
import { colorFor } from "./color.ts";
import type { Sink } from "./sink.ts";
import { type Text, render } from "./text.ts";
import { visibleJson } from "./visible.ts";

export interface OutputOptions {
  readonly json: boolean;
  readonly noColor: boolean;
  readonly debug: boolean;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Text given to it may come from anywhere: it is made harmless on the way out. */
export interface Output {
  readonly json: boolean;
  readonly debug: boolean;
  /** Whether data goes to a person's screen. */
  readonly terminal: boolean;
  /** Whether talk does: only then lines may be drawn over. */
  readonly talkTerminal: boolean;
  /** Columns for data; endless where nobody looks. */
  readonly width: number;
  readonly talkWidth: number;
  /** One line of data for people; nothing when JSON was asked for. */
  line(text?: Text): void;
  /** One line of talk; nothing when JSON was asked for. */
  say(text?: Text): void;
  /** One line of talk that matters to scripts too. */
  warn(text: Text): void;
  /** Draws talk over the last so many lines, on a terminal only. */
  redraw(lines: readonly Text[], over: number): void;
  /** The command's answer, as one JSON envelope; nothing unless JSON was asked for. */
  data(data: unknown, meta?: { readonly [key: string]: unknown }): void;
  /** The envelope of a command that could not do its work. */
  failure(error: object): void;
  /** One line of a stream; nothing unless JSON was asked for. */
  record(kind: string, body: object): void;
  /** What is put out meanwhile leaves as one piece: a write for each line is slow. */
  together(work: () => void): void;
  /** Resolves once data that was put out has left: who makes much of it waits for its reader. */
  ready(): Promise<void>;
  /** A value as JSON on stdout whatever the mode: a run's result is data. */
  value(value: unknown): void;
  /** A value as one line of JSON. */
  compact(value: unknown): void;
  /** Data that is a program or a file, letter by letter. Never give it text from outside. */
  verbatim(text: string): void;
}

export function createOutput(options: OutputOptions): Output {
  const { json, debug, stderr } = options;
  const stdout = chunked(options.stdout);
  const terminal = options.stdout.isTTY === true;
  const talkTerminal = stderr.isTTY === true && options.environment["TERM"] !== "dumb";
  const color = colorFor(options.stdout, options.environment, options.noColor);
  const talkColor = colorFor(stderr, options.environment, options.noColor);
  const talk = (text: Text): void => void stderr.write(`${trimmed(render(text, talkColor))}\n`);
  return {
    json,
    debug,
    terminal,
    talkTerminal,
    width: terminal ? (options.stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    talkWidth: stderr.isTTY === true ? (stderr.columns ?? 80) : 80,
    line(text = "") {
      if (!json) stdout.write(`${trimmed(render(text, color))}\n`);
    },
    say: (text = "") => void (json || talk(text)),
    warn: talk,
    redraw(lines, over) {
      if (json || !talkTerminal) return;
      // From the first column, wherever an echoed ^C has left the cursor.
      const up = over > 0 ? `\r\u001b[${over}A\u001b[0J` : "";
      stderr.write(up + lines.map((line) => `${render(line, talkColor)}\n`).join(""));
    },
    data(data, meta = {}) {
      if (json) stdout.write(`${visibleJson({ v: 1, ok: true, data, meta })}\n`);
    },
    failure: (error) => stdout.write(`${visibleJson({ v: 1, ok: false, error })}\n`),
    record(kind, body) {
      if (json) stdout.write(`${visibleJson({ v: 1, kind, ...body })}\n`);
    },
    together: (work) => stdout.together(work),
    ready: () => stdout.ready(),
    value: (value) => stdout.write(`${visibleJson(value, terminal ? 2 : undefined)}\n`),
    compact: (value) => stdout.write(`${visibleJson(value)}\n`),
    verbatim: (text) => stdout.write(text),
  };
}

function trimmed(line: string): string {
  return line.replace(/ +$/, "");
}

interface Chunked {
  write(text: string): void;
  together(work: () => void): void;
  ready(): Promise<void>;
}

function chunked(to: Sink): Chunked {
  let held: string[] | undefined;
  let leaving: Promise<void> | undefined;
  const put = (text: string): void => {
    if (to.write(text) !== false || to.on === undefined) return;
    leaving ??= new Promise<void>((resolve) => {
      const end = (): void => {
        to.off?.("drain", end);
        to.off?.("close", end);
        leaving = undefined;
        resolve();
      };
      to.on?.("drain", end);
      to.on?.("close", end);
    });
  };
  return {
    write: (text) => void (held === undefined ? put(text) : held.push(text)),
    together(work) {
      const texts: string[] = (held = []);
      try {
        work();
      } finally {
        held = undefined;
        if (texts.length > 0) put(texts.join(""));
      }
    },
    ready: async () => leaving,
  };
}
