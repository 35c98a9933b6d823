/** What the screen of `af dev` shares with every command: how text is made harmless, how things are shown. */
import { type Finding, type LogRecord } from "@agentflow/protocol";
import { logText, shortRun } from "../logs/log-line.ts";
import { findingTexts } from "./findings.ts";
import type { Sink } from "./sink.ts";
import { colorFor } from "./color.ts";
import { type Style, type Text, render } from "./text.ts";
import { visible } from "./visible.ts";

/** Styles for text that was made harmless before. */
export type Ink = { readonly [Name in Style]: (text: string) => string } & { readonly color: boolean };

export const safe = visible;

export { shortRun };

/** Styles for a stream: none off a terminal, with NO_COLOR or `--no-color`. */
export function inkFor(stream: Sink): Ink {
  const color = colorFor(stream, process.env, process.argv.includes("--no-color"));
  const paint = (style: Style) => (text: string) => (color ? paintedSafe(style, text) : text);
  return {
    color,
    bold: paint("bold"),
    dim: paint("dim"),
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    blue: paint("blue"),
    magenta: paint("magenta"),
    cyan: paint("cyan"),
  };
}

export function findingLines(findings: readonly Finding[], ink: Ink): string[] {
  return findings.flatMap(findingTexts).map((text) => shown(text, ink));
}

export function logLine(record: LogRecord, ink: Ink): string {
  return logText(record)
    .map((text) => shown(text, ink))
    .join("\n");
}

function shown(text: Text, ink: Ink): string {
  return render(text, ink.color);
}

/** Already harmless, possibly with styles of ours inside: it must not be escaped a second time. */
function paintedSafe(style: Style, text: string): string {
  const [open, close] = render({ style, text: "\u00b7" }, true).split("\u00b7");
  return `${open ?? ""}${text}${close ?? ""}`;
}
