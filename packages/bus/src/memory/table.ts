import { AgentFlowError } from "@agentflow/protocol";
import { checkTableKey, checkTablePrefix, checkTableValue } from "../port/check.ts";
import type { Put, Revision, Row, RowChange, Table } from "../port/index.ts";
import { Bell } from "./bell.ts";
import { gone, type Link } from "./link.ts";
import type { Weather } from "./weather.ts";

const rowsMax = 10_000;

interface Cell {
  readonly key: string;
  readonly row: Row | undefined;
  /** What others may still see until `freshAt`. */
  readonly before: Row | undefined;
  readonly writer: Link;
  readonly freshAt: number;
}

interface Watcher {
  readonly prefix: string;
  readonly bell: Bell;
  changes: RowChange[];
}

export class TableState {
  readonly watchers = new Set<Watcher>();
  private readonly cells = new Map<string, Cell>();
  private revision: Revision = 0;
  private readonly weather: Weather;

  constructor(weather: Weather) {
    this.weather = weather;
  }

  /** As this reader sees it: what others wrote a moment ago may be missing. */
  seen(key: string, reader: Link): Row | undefined {
    const cell = this.cells.get(key);
    return cell === undefined ? undefined : this.view(cell, reader);
  }

  /** `value` undefined deletes. */
  write(write: { key: string; value: string | undefined; expect: Revision | "any"; writer: Link }): Put {
    const { key, value, expect, writer } = write;
    const before = this.cells.get(key)?.row;
    if (expect !== "any" && expect !== (before?.revision ?? 0)) {
      return { ok: false, reason: "wrong_revision", row: before };
    }
    if (before === undefined && value === undefined) return { ok: true, revision: this.revision };
    const { weather } = this;
    this.revision += 1 + (weather.happens(weather.nasty.gapRate) ? 1 + weather.pick(3) : 0);
    const { revision } = this;
    const row = value === undefined ? undefined : { key, value, revision };
    const freshAt = weather.now() + weather.pick(weather.nasty.staleMs);
    this.cells.set(key, { key, row, before, writer, freshAt });
    for (const watcher of this.watchers) {
      if (!key.startsWith(watcher.prefix)) continue;
      watcher.changes.push({ key, value, revision });
      watcher.bell.ring();
    }
    return { ok: true, revision };
  }

  list(prefix: string, reader: Link | undefined): Row[] {
    const rows: Row[] = [];
    for (const cell of this.cells.values()) {
      if (!cell.key.startsWith(prefix)) continue;
      const row = reader === undefined ? cell.row : this.view(cell, reader);
      if (row !== undefined) rows.push(row);
    }
    if (rows.length > rowsMax) {
      throw new AgentFlowError("limit_exceeded", `more than ${rowsMax} rows begin with ${prefix}`);
    }
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  private view(cell: Cell, reader: Link): Row | undefined {
    const stale = cell.writer !== reader && this.weather.now() < cell.freshAt;
    return stale ? cell.before : cell.row;
  }
}

export function memoryTable(state: TableState, link: Link): Table {
  return {
    get: async (key) => {
      checkTableKey(key);
      return link.call("table_get", () => state.seen(key, link));
    },
    put: async (key, value, { expect }) => {
      checkTableKey(key);
      checkTableValue(value);
      return link.call("table_put", () => state.write({ key, value, expect, writer: link }));
    },
    delete: async (key, { expect }) => {
      checkTableKey(key);
      return link.call("table_put", () => state.write({ key, value: undefined, expect, writer: link }));
    },
    list: async (prefix) => {
      checkTablePrefix(prefix);
      return link.call("table_get", () => state.list(prefix, link));
    },
    watch: (prefix, signal) => watch({ state, link, prefix, signal }),
  };
}

async function* watch(of: {
  state: TableState;
  link: Link;
  prefix: string;
  signal: AbortSignal;
}): AsyncGenerator<readonly RowChange[]> {
  const { state, link, prefix, signal } = of;
  checkTablePrefix(prefix);
  link.requireAlive();
  const bell = new Bell();
  const stream = link.open(bell);
  const watcher: Watcher = { prefix, bell, changes: [] };
  signal.addEventListener("abort", bell.ring);
  try {
    // Together: a change that comes while the answer is on its way must not be lost behind the list.
    await link.call("table_get", () => {
      state.watchers.add(watcher);
      watcher.changes.push(...state.list(prefix, undefined));
    });
    while (!signal.aborted) {
      if (stream.cut) throw gone(`the watch of ${link.name} was cut`);
      if (watcher.changes.length === 0 || !link.up) {
        await bell.wait();
        continue;
      }
      await link.weather.pass(link.weather.delayMs());
      const batch = watcher.changes.splice(0, link.weather.batchMax());
      if (!signal.aborted && !stream.cut) yield batch;
    }
  } finally {
    signal.removeEventListener("abort", bell.ring);
    state.watchers.delete(watcher);
    link.shut(bell);
  }
}
