/** Where somebody is in a recording, and what a key does to that. Pure: a screen is drawn from it. */
import type { Entry } from "./recording.ts";
import { entryTitle } from "./entry-title.ts";
import { paneNames, type PaneName } from "./panes.ts";

export interface Position {
  /** The current event, from 1. */
  readonly n: number;
  readonly pane: PaneName;
  /** First line of the pane that is shown. */
  readonly scroll: number;
  /** What is being typed at the foot of the screen. */
  readonly typing?: { readonly what: "go" | "search"; readonly text: string };
  readonly lastSearch: string;
  /** Said once, until the next key. */
  readonly note?: string;
}

export const firstPosition: Position = { n: 1, pane: "event", scroll: 0, lastSearch: "" };

export interface Sight {
  readonly entries: readonly Entry[];
  /** Lines of the current pane, and how many of them fit. */
  readonly lines: number;
  readonly height: number;
}

/** Undefined: the person leaves. */
export function press(position: Position, key: string, sight: Sight): Position | undefined {
  const { note: _note, ...quiet } = position;
  if (key === "ctrl-c") return undefined;
  if (quiet.typing !== undefined) return typed(quiet, quiet.typing, key, sight);
  const { n, pane, scroll, lastSearch } = quiet;
  const to = (next: number): Position => ({ ...quiet, n: within(next, sight.entries), scroll: 0 });
  const by = (lines: number): Position => ({ ...quiet, scroll: scrolled(scroll + lines, sight) });
  const paneBy = (step: number): Position => ({ ...quiet, pane: paneAfter(pane, step), scroll: 0 });
  switch (key) {
    case "q":
      return undefined;
    case "n":
    case "j":
    case "right":
      return to(n + 1);
    case "p":
    case "k":
    case "left":
      return to(n - 1);
    case "home":
      return to(1);
    case "end":
    case "G":
      return to(sight.entries.length);
    case "down":
      return by(1);
    case "up":
      return by(-1);
    case "space":
    case "pagedown":
      return by(sight.height - 1);
    case "b":
    case "pageup":
      return by(1 - sight.height);
    case "tab":
      return paneBy(1);
    case "shift-tab":
      return paneBy(-1);
    case "g":
      return { ...quiet, typing: { what: "go", text: "" } };
    case "/":
      return { ...quiet, typing: { what: "search", text: "" } };
    case "N":
      return found(quiet, lastSearch, sight);
    default: {
      const chosen = paneNames[Number(key) - 1];
      return chosen === undefined ? quiet : { ...quiet, pane: chosen, scroll: 0 };
    }
  }
}

function typed(
  { typing: _typing, ...position }: Position,
  { what, text }: NonNullable<Position["typing"]>,
  key: string,
  sight: Sight,
): Position {
  if (key === "escape") return position;
  if (key === "backspace") return { ...position, typing: { what, text: text.slice(0, -1) } };
  if (key !== "enter") {
    const letter = key === "space" ? " " : key;
    return {
      ...position,
      typing: { what, text: letter.length === 1 ? (text + letter).slice(0, 100) : text },
    };
  }
  if (what === "search") return found(position, text === "" ? position.lastSearch : text, sight);
  const n = Number(text);
  if (!/^-?\d{1,9}$/.test(text)) return { ...position, note: text === "" ? "" : `no number: ${text}` };
  return { ...position, n: within(n < 0 ? sight.entries.length + 1 + n : n, sight.entries), scroll: 0 };
}

/** The next event that holds the text in its line or in its data, from the current one on, round the end. */
function found(position: Position, text: string, { entries }: Sight): Position {
  const needle = text.toLowerCase();
  if (needle === "") return position;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[(position.n + i) % entries.length];
    if (entry !== undefined && textOf(entry).includes(needle))
      return { ...position, n: entry.n, scroll: 0, lastSearch: text };
  }
  return { ...position, lastSearch: text, note: `not found: ${text}` };
}

function textOf(entry: Entry): string {
  const { kind, what } = entryTitle(entry);
  return `${kind} ${what} ${JSON.stringify(entry.event)}`.toLowerCase();
}

function within(n: number, entries: readonly Entry[]): number {
  return Math.min(Math.max(1, n), Math.max(1, entries.length));
}

function scrolled(scroll: number, { lines, height }: Sight): number {
  return Math.max(0, Math.min(scroll, lines - height));
}

function paneAfter(pane: PaneName, step: number): PaneName {
  const at = (paneNames.indexOf(pane) + step + paneNames.length) % paneNames.length;
  return paneNames[at] ?? pane;
}
