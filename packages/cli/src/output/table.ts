import type { Output } from "./output.ts";
import { type Text, bold, cut, dim, pad, widthOf } from "./text.ts";

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => Text;
  readonly side?: "left" | "right";
  /** May be cut to fit the screen: those that say `first` before the others, each in their order. */
  readonly flexible?: boolean | "first";
  /** May be left out where not even cut columns fit the screen: the last of them first. */
  readonly optional?: boolean;
}

const gap = "  ";
const narrowest = 6;

/** A table for people: aligned, cut to the screen on a terminal, whole off one. */
export function printTable<Row>(output: Output, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  for (const line of tableLines(columns, rows, output.width)) output.line(line);
}

/** The same as lines, the titles first. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  screen: number,
): Text[] {
  const left = columns.findLastIndex(({ optional }) => optional);
  if (left !== -1 && !fits(columns, rows, screen)) {
    return tableLines(columns.toSpliced(left, 1), rows, screen);
  }
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const widths = fit(
    columns,
    columns.map((column, i) => widest(column, cells, i)),
    screen,
  );
  const line = (row: readonly Text[]): Text =>
    row.flatMap((cell, i) => {
      const width = widths[i] ?? 0;
      const last = i === row.length - 1;
      const shown = cut(cell, width);
      const side = columns[i]?.side ?? "left";
      return [last && side === "left" ? shown : pad(shown, width, side), last ? "" : gap];
    });
  return [dim(line(columns.map(({ title }) => title))), ...cells.map(line)];
}

/** Keys and values below each other; rows without a value are left out. */
export function printRecord(output: Output, rows: readonly (readonly [string, Text | undefined])[]): void {
  const shown = rows.filter((row) => row[1] !== undefined);
  const width = Math.max(0, ...shown.map(([key]) => key.length));
  for (const [key, value] of shown) output.line([dim(key.padEnd(width)), gap, value ?? ""]);
}

export function heading(output: Output, text: string): void {
  output.line();
  output.line(bold(text));
}

function widest<Row>(column: Column<Row>, cells: readonly (readonly Text[])[], i: number): number {
  return Math.max(column.title.length, ...cells.map((row) => widthOf(row[i] ?? "")));
}

/** Whether its columns fit side by side, with all that may be cut as narrow as it gets. */
function fits<Row>(columns: readonly Column<Row>[], rows: readonly Row[], screen: number): boolean {
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const needed = columns.map((column, i) => {
    const width = widest(column, cells, i);
    return column.flexible === undefined || column.flexible === false ? width : Math.min(width, narrowest);
  });
  return needed.reduce((sum, width) => sum + width, 0) + gap.length * (columns.length - 1) <= screen;
}

function fit<Row>(columns: readonly Column<Row>[], widths: readonly number[], screen: number): number[] {
  const fitted = [...widths];
  let over = fitted.reduce((sum, width) => sum + width, 0) + gap.length * (widths.length - 1) - screen;
  const soft = [...columns.entries()].filter(
    ([, { flexible }]) => flexible !== undefined && flexible !== false,
  );
  const isFirst = ([, { flexible }]: (typeof soft)[number]): boolean => flexible === "first";
  for (const [i] of [...soft.filter(isFirst), ...soft.filter((one) => !isFirst(one))]) {
    if (over <= 0) break;
    const given = Math.min(over, Math.max(0, (fitted[i] ?? 0) - narrowest));
    fitted[i] = (fitted[i] ?? 0) - given;
    over -= given;
  }
  return fitted;
}
