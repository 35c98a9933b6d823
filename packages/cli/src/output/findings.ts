import type { Finding } from "@agentflow/protocol";
import type { Output } from "./output.ts";
import { type Text, bold, cyan, dim, red, yellow } from "./text.ts";

/** A finding with the line of source it speaks of. */
export interface PlacedFinding extends Finding {
  readonly source?: string;
}

/** Findings as talk: place, severity, number, message, the source line with a caret, a hint. */
export function printFindings(output: Output, findings: readonly PlacedFinding[]): void {
  for (const finding of findings) {
    for (const line of findingTexts(finding)) output.warn(line);
  }
}

/** One finding, a line each. */
export function findingTexts(finding: PlacedFinding): Text[] {
  const { severity, code, message, hint, source, line, column } = finding;
  const paint = severity === "error" ? red : yellow;
  const lines: Text[] = [[placeText(finding), paint(bold(severity)), dim(` ${code}  `), message]];
  if (source !== undefined && line !== undefined) {
    const number = String(line);
    const shown = source.replaceAll("\t", " ");
    // A very long line is shown around the place that is meant.
    const from = Math.max(0, (column ?? 1) - 60);
    lines.push([dim(`  ${number} │ `), shown.slice(from, from + 100)]);
    if (column !== undefined) {
      lines.push([dim(`  ${" ".repeat(number.length)} │ `), " ".repeat(column - 1 - from), paint("^")]);
    }
  }
  if (hint !== undefined) lines.push([dim("  hint: "), cyan(hint)]);
  return lines;
}

function placeText(finding: Finding): Text {
  const { file, path } = finding;
  if (file === undefined) return path === undefined ? "" : [bold(path), "  "];
  return [bold(placeOf(finding)), "  "];
}

/** `file:line:column`, as far as it is known; empty when nothing is. */
export function placeOf({ file, line, column }: Pick<Finding, "file" | "line" | "column">): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}
