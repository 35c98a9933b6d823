/** The screen of the stepper: a position in a recording and a size, as lines. Pure. */
import { type Text, bold, cut, cyan, dim, green, pad, red, yellow } from "../output/text.ts";
import { entryTitle } from "./entry-title.ts";
import type { Position, Sight } from "./model.ts";
import { paneLines, paneNames } from "./panes.ts";
import type { Entry } from "./recording.ts";
import type { Size } from "../screen/full-screen.ts";
import type { Replay } from "./state.ts";
import { wrapText } from "./wrap-text.ts";

export interface Frame {
  /** As many as the screen has rows. */
  readonly lines: readonly Text[];
  /** What the next key needs to know of it. */
  readonly sight: Sight;
}

const sideBySideColumns = 90;
const smallest: Size = { columns: 30, rows: 8 };

export function frameOf(replay: Replay, position: Position, size: Size): Frame {
  const columns = Math.max(size.columns, smallest.columns);
  const rows = Math.max(size.rows, smallest.rows);
  const beside = columns >= sideBySideColumns;
  const listColumns = beside ? Math.min(54, Math.floor(columns * 0.42)) : columns;
  const bodyRows = rows - 2;
  const listRows = beside ? bodyRows : Math.max(2, Math.floor(bodyRows / 3));
  const paneColumns = beside ? columns - listColumns - 3 : columns;
  const paneRows = (beside ? bodyRows : bodyRows - listRows) - 1;
  const wrapped = paneLines(replay, position.n, position.pane).flatMap((line) => wrapText(line, paneColumns));
  const scroll = Math.max(0, Math.min(position.scroll, wrapped.length - paneRows));
  const list = listLines(replay.entries, position.n, { columns: listColumns, rows: listRows });
  const pane = [
    cut(tabs(position), paneColumns),
    ...filled(wrapped.slice(scroll, scroll + paneRows), paneRows),
  ];
  const body = beside
    ? pane.map((line, i): Text => [pad(list[i] ?? "", listColumns), dim(" │ "), line])
    : [...list, ...pane];
  const more = { from: scroll, to: Math.min(wrapped.length, scroll + paneRows), of: wrapped.length };
  return {
    lines: [cut(titleLine(replay, position), columns), ...body, cut(footLine(position, more), columns)],
    sight: { entries: replay.entries, lines: wrapped.length, height: paneRows },
  };
}

function titleLine({ recording, entries }: Replay, { n }: Position): Text {
  const { run, from } = recording;
  return [
    bold("af debug"),
    "  ",
    run.run,
    "  ",
    bold(run.workflow),
    "  ",
    run.status,
    dim(`  event ${entries.length === 0 ? 0 : n} of ${entries.length}`),
    dim(from === "" ? "" : `  ${from}`),
  ];
}

function listLines(entries: readonly Entry[], n: number, { columns, rows }: Size): Text[] {
  const first = Math.max(0, Math.min(n - 1 - Math.floor(rows / 2), entries.length - rows));
  const digits = String(entries.length).length;
  const shown = entries.slice(first, first + rows).map((entry): Text => {
    const { kind, what, tone } = entryTitle(entry);
    const number = String(entry.n).padStart(digits);
    const indent = entry.of === "journal" ? "  " : "";
    const line: Text = [indent, marks[tone], " ", kind, dim(`  ${what}`)];
    if (entry.n === n) return cut([bold(cyan(`›${number} `)), bold(line)], columns);
    return cut([dim(` ${number} `), line], columns);
  });
  return filled(shown, rows);
}

const marks = { good: green("✓"), bad: red("✗"), waits: yellow("◷"), plain: dim("·") } as const;

function tabs({ pane }: Position): Text {
  return paneNames.map((name): Text => (name === pane ? [bold(cyan(`[${name}]`)), " "] : dim(`${name} `)));
}

function footLine(
  { typing, note }: Position,
  { from, to, of }: { readonly from: number; readonly to: number; readonly of: number },
): Text {
  if (typing?.what === "go") return [bold("go to event: "), typing.text, "█"];
  if (typing?.what === "search") return [bold("/"), typing.text, "█"];
  if (note !== undefined && note !== "") return yellow(note);
  const place = of > to - from ? `${from + 1}-${to} of ${of}  ` : "";
  return dim(`${place}q quit  n next  p previous  g go to  / search  N again  tab pane  ↑↓ scroll`);
}

function filled(lines: readonly Text[], rows: number): Text[] {
  return Array.from({ length: rows }, (_, i) => lines[i] ?? "");
}
