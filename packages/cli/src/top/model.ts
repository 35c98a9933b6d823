/** What a person looks at in `af top`, and what a key does to that. Pure: the screen is drawn from it. */
export const views = ["pools", "workers", "runs", "bus", "containers"] as const;
export type View = (typeof views)[number];

export interface Looking {
  readonly view: View;
  /** By which column the rows stand, from 0; `down`: the greatest first. */
  readonly sort: { readonly column: number; readonly down: boolean };
  readonly filter: string;
  /** What is being typed after `/`. */
  readonly typing?: string;
  readonly paused: boolean;
  readonly help: boolean;
  /** First row that is shown. */
  readonly scroll: number;
}

export const firstLook: Looking = {
  view: "pools",
  filter: "",
  paused: false,
  help: false,
  scroll: 0,
  sort: { column: 0, down: false },
};

/** What the next key needs to know of what is on the screen. */
export interface Sight {
  readonly columns: number;
  readonly rows: number;
  readonly height: number;
}

const viewKeys: { readonly [key: string]: View | undefined } = {
  p: "pools",
  w: "workers",
  r: "runs",
  b: "bus",
  c: "containers",
};

/** Undefined: the person leaves. */
export function press(looking: Looking, key: string, sight: Sight): Looking | undefined {
  if (key === "ctrl-c") return undefined;
  const { typing } = looking;
  if (typing !== undefined) return typed(looking, typing, key);
  if (looking.help) return { ...looking, help: false };
  const view = viewKeys[key];
  if (view !== undefined) return view === looking.view ? looking : { ...looking, ...fresh, view };
  const by = (rows: number): Looking => ({ ...looking, scroll: scrolled(looking.scroll + rows, sight) });
  switch (key) {
    case "q":
      return undefined;
    case "tab":
      return { ...looking, ...fresh, view: after(looking.view, 1) };
    case "shift-tab":
      return { ...looking, ...fresh, view: after(looking.view, -1) };
    case "s":
    case "right":
      return sorted(looking, sight, 1);
    case "left":
      return sorted(looking, sight, -1);
    case "S":
      return { ...looking, sort: { ...looking.sort, down: !looking.sort.down } };
    case "/":
      return { ...looking, typing: looking.filter };
    case "escape":
      return { ...looking, filter: "", scroll: 0 };
    case "space":
      return { ...looking, paused: !looking.paused };
    case "?":
    case "h":
      return { ...looking, help: true };
    default: {
      const rows = moves[key];
      return rows === undefined ? looking : by(rows(sight));
    }
  }
}

const moves: { readonly [key: string]: ((sight: Sight) => number) | undefined } = {
  up: () => -1,
  k: () => -1,
  down: () => 1,
  j: () => 1,
  pageup: ({ height }) => -height,
  pagedown: ({ height }) => height,
  home: ({ rows }) => -rows,
  end: ({ rows }) => rows,
  G: ({ rows }) => rows,
};

const fresh = { scroll: 0, sort: firstLook.sort } as const;

function typed(looking: Looking, text: string, key: string): Looking {
  const { typing: _, ...rest } = looking;
  if (key === "enter") return { ...rest, filter: text, scroll: 0 };
  if (key === "escape") return rest;
  if (key === "backspace") return { ...rest, typing: text.slice(0, -1) };
  const letter = key === "space" ? " " : key;
  return { ...rest, typing: Array.from(letter).length === 1 ? text + letter : text };
}

function after(view: View, step: number): View {
  return views[(views.indexOf(view) + step + views.length) % views.length] ?? "pools";
}

function sorted(looking: Looking, { columns }: Sight, step: number): Looking {
  if (columns === 0) return looking;
  const column = (looking.sort.column + step + columns) % columns;
  return { ...looking, sort: { column, down: looking.sort.down }, scroll: 0 };
}

function scrolled(to: number, { rows, height }: Sight): number {
  return Math.max(0, Math.min(to, rows - height));
}
