import { type Style, type Text, widthOf } from "../output/text.ts";
import { visible } from "../output/visible.ts";

interface Piece {
  readonly styles: readonly Style[];
  readonly text: string;
}

/**
 * The text on as many lines as it needs, none wider than so many columns; between words where there is a
 * space in the last third of a line. What it holds is made visible.
 */
export function wrapText(text: Text, columns: number): Text[] {
  if (widthOf(text) <= columns) return [text];
  const lines: Text[] = [];
  let line: Text[] = [];
  let width = 0;
  for (const { styles, text: whole } of piecesOf(text, [])) {
    let part = "";
    for (const letter of visible(whole)) {
      const wide = widthOf(letter);
      if (width + wide > columns && width > 0) {
        const at = part.lastIndexOf(" ");
        const breaks = letter !== " " && at > 0 && widthOf(part.slice(at)) < columns / 3;
        lines.push([...line, styled(styles, breaks ? part.slice(0, at) : part)]);
        part = breaks ? part.slice(at + 1) : "";
        [line, width] = [[], widthOf(part)];
        if (letter === " " && part === "") continue;
      }
      part += letter;
      width += wide;
    }
    line.push(styled(styles, part));
  }
  return [...lines, line];
}

function piecesOf(text: Text, styles: readonly Style[]): Piece[] {
  if (typeof text === "string") return [{ styles, text }];
  if ("style" in text) return piecesOf(text.text, [...styles, text.style]);
  return text.flatMap((part) => piecesOf(part, styles));
}

function styled(styles: readonly Style[], text: string): Text {
  return styles.reduceRight<Text>((inner, style) => ({ style, text: inner }), text);
}
