/** Text with styles. Plain strings in it are foreign until they are rendered; only here they become safe. */
import { styleText } from "node:util";
import { visible } from "./visible.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

export interface Styled {
  readonly style: Style;
  readonly text: Text;
}

/** A string, a styled piece, or a row of both. */
export type Text = string | Styled | readonly Text[];

/** What reaches the terminal: every string escaped, styles applied when `color` says so. */
export function render(text: Text, color: boolean): string {
  if (typeof text === "string") return visible(text);
  if (isRow(text)) return text.map((part) => render(part, color)).join("");
  const inner = render(text.text, color);
  return color && inner !== "" ? styleText(text.style, inner, { validateStream: false }) : inner;
}

/** Columns that the text takes on a terminal. */
export function widthOf(text: Text): number {
  let width = 0;
  for (const letter of render(text, false)) width += columnsOf(letter.codePointAt(0) ?? 0);
  return width;
}

/** The text in exactly so many columns: filled with spaces. A longer one stays as it is. */
export function pad(text: Text, columns: number, side: "left" | "right" = "left"): Text {
  const space = " ".repeat(Math.max(0, columns - widthOf(text)));
  return side === "left" ? [text, space] : [space, text];
}

/** The text in at most so many columns, with an ellipsis where something is missing. */
export function cut(text: Text, columns: number): Text {
  if (widthOf(text) <= columns) return text;
  if (typeof text !== "string" && !isRow(text)) return { style: text.style, text: cut(text.text, columns) };
  if (isRow(text)) return cutRow(text, columns);
  let out = "";
  let width = 0;
  for (const letter of visible(text)) {
    width += columnsOf(letter.codePointAt(0) ?? 0);
    if (width > columns - 1) break;
    out += letter;
  }
  return columns > 0 ? `${out}…` : "";
}

function cutRow(row: readonly Text[], columns: number): Text {
  const kept: Text[] = [];
  let left = columns;
  for (const part of row) {
    const width = widthOf(part);
    if (width > left || left === 0) return left === 0 ? kept : [...kept, cut(part, left)];
    kept.push(part);
    left -= width;
  }
  return kept;
}

function isRow(text: Text): text is readonly Text[] {
  return Array.isArray(text);
}

/** Letters of East Asian scripts and most emoji take two columns; marks that join a letter take none. */
function columnsOf(code: number): number {
  if (code < 0x300) return 1;
  if (code <= 0x36f || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

function styled(style: Style): (text: Text) => Styled {
  return (text) => ({ style, text });
}

export const bold = styled("bold");
export const dim = styled("dim");
export const red = styled("red");
export const green = styled("green");
export const yellow = styled("yellow");
export const cyan = styled("cyan");
