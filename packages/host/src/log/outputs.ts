import { instant, type LogLevel } from "@agentflow/protocol";
import type { Clock } from "../clock.ts";
import type { Batcher } from "./batcher.ts";
import { formatText } from "./text.ts";

export interface LineMeta {
  readonly level: LogLevel;
  /** Whose line it is; absent for what concerns the whole installation. */
  readonly tenant: string | undefined;
}

/** Where log lines go. `line` is one JSON record, redacted and bounded, without the line feed. */
export interface Output {
  write(line: string, meta: LineMeta): void;
  /** All that was written is out; synchronous, as it must work in a dying process. */
  flushSync?(): void;
  close?(): Promise<void> | void;
}

/** The same output in the form that people read. */
export function asText(output: Output): Output {
  return {
    write: (line, meta) => output.write(formatText(line), meta),
    flushSync: () => output.flushSync?.(),
    close: () => output.close?.(),
  };
}

/** Lines to a function, one by one: the door by which logs travel on the bus. */
export function toSink(sink: (line: string, meta: LineMeta) => void): Output {
  return { write: sink };
}

export interface TenantLine {
  readonly line: string;
  readonly tenant: string | undefined;
}

/** Lines into a batcher; closing the log closes it. */
export function toBatcher(batcher: Batcher<TenantLine>): Output {
  return {
    write: (line, { tenant }) => batcher.add({ line, tenant }),
    close: () => batcher.close(),
  };
}

/** What an item weighs in a batch: near enough to its bytes, without counting each letter. */
export function sizeOfLine({ line }: TenantLine): number {
  return line.length + 1;
}

export interface EncodeOptions {
  readonly source: string;
  readonly dropped?: number;
}

/** A telemetry batch as it travels, from records that are JSON text already: nothing is serialised twice. */
export function encodeTelemetry(lines: readonly string[], { source, dropped = 0 }: EncodeOptions): string {
  const lost = dropped > 0 ? `"dropped":${dropped},` : "";
  return `{"v":1,"kind":"tele","source":${JSON.stringify(source)},${lost}"records":[${lines.join(",")}]}`;
}

/** `,"at":"…"` for a line; the text of a millisecond is made once. */
export function stampOf(clock: Clock): () => string {
  let last = Number.NaN;
  let text = "";
  return () => {
    const now = clock.now();
    if (now !== last) text = `,"at":"${instant(now)}"`;
    last = now;
    return text;
  };
}
