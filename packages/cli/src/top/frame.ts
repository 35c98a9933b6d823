/** The screen of `af top`: what is known, what is looked at and a size, as lines. Pure. */
import { type NodeView, type RunSummary, showDuration } from "@agentflow/protocol";
import { tableLines } from "../output/table.ts";
import { type Text, bold, cut, cyan, dim, green, red, render, yellow } from "../output/text.ts";
import type { Size } from "../screen/full-screen.ts";
import {
  containerColumns,
  poolColumns,
  rateText,
  runColumns,
  type SortableColumn,
  streamColumns,
  workerColumns,
} from "./columns.ts";
import type { SeenContainers } from "./containers.ts";
import { type Looking, type Sight, type View, views } from "./model.ts";
import type { TopView } from "./rates.ts";

export interface Shown {
  /** Where the installation is, as a person names it. */
  readonly where: string;
  readonly view?: TopView;
  /** Runs that go on, newest first, once they were asked for. */
  readonly runs?: readonly RunSummary[];
  readonly containers?: SeenContainers;
  /** Since when nobody answers, and why. */
  readonly lost?: { readonly sinceMs: number; readonly message: string };
  readonly nowMs: number;
  readonly intervalMs: number;
}

export interface Frame {
  readonly lines: readonly Text[];
  readonly sight: Sight;
}

const smallest: Size = { columns: 40, rows: 8 };

export function frameOf(shown: Shown, looking: Looking, size: Size): Frame {
  const columns = Math.max(size.columns, smallest.columns);
  const rows = Math.max(size.rows, smallest.rows);
  const head = headLines(shown);
  const height = rows - head.length - 2;
  const table = looking.help ? helpTable : tableOf(shown, looking, columns);
  const [titles = "", ...body] = table.lines;
  const scroll = Math.max(0, Math.min(looking.scroll, body.length - (height - 1)));
  const lines = [...head, tabs(looking), titles, ...body.slice(scroll, scroll + height - 1)].slice(
    0,
    rows - 1,
  );
  while (lines.length < rows - 1) lines.push("");
  lines.push(footLine(looking, { from: scroll, rows: body.length, height: height - 1 }));
  return {
    lines: lines.map((line) => cut(line, columns)),
    sight: { columns: table.columns, rows: body.length, height: height - 1 },
  };
}

/** What is known without a table: also printed where nobody looks. */
export function headLines(shown: Shown): Text[] {
  const { where, view, lost, nowMs } = shown;
  const gone: Text[] =
    lost === undefined
      ? []
      : [red(`no answer for ${showDuration(nowMs - lost.sinceMs)}: ${lost.message}; asking again`)];
  if (view === undefined) return [[bold("af top"), dim(`  ${where}`)], ...gone];
  const { top, rates } = view;
  const { counters: _, steps, bus } = top;
  const ended = rates === undefined ? undefined : endedPerS(rates);
  const whose = top.tenant === undefined ? "" : `  tenant ${top.tenant}`;
  return [
    [
      bold("af top"),
      "  ",
      top.installation,
      dim(`  ${where}  ${bus.kind}`),
      yellow(whose),
      dim(`  ${top.at.slice(11, 19)}Z`),
    ],
    ...gone,
    [
      "runs ",
      statuses(top.runs),
      dim("  started/s "),
      rateText(rates?.runsStartedPerS),
      dim("  ended/s "),
      rateText(ended),
      failedText(rates?.runsFailedPerS),
    ],
    [
      "steps/s ",
      rateText(rates?.stepsSucceededPerS),
      dim("  p50 "),
      latency(steps.p50Ms),
      dim("  p95 "),
      latency(steps.p95Ms),
      dim("  approvals "),
      some(top.approvals),
      dim("  timers "),
      String(top.timers),
      dim("  dead letters "),
      some(top.deadLetters),
      dim("  behind "),
      `${Math.round(top.projectionLagMs)}ms`,
      // Each control plane reads for itself; of several this is the one that answered.
      top.nodes.length > 1 ? dim(` (${top.node})`) : "",
    ],
    ...nodesLine(top.nodes, top.shardsWithoutOwner),
  ];
}

function endedPerS(rates: NonNullable<TopView["rates"]>): number {
  return rates.runsCompletedPerS + rates.runsFailedPerS + rates.runsCancelledPerS;
}

function statuses(runs: { readonly [status: string]: number }): Text {
  const all = Object.entries(runs);
  return all.length === 0 ? "none" : all.map(([status, count]) => `${count} ${status}`).join(", ");
}

function failedText(perS: number | undefined): Text {
  return perS === undefined || perS === 0 ? "" : red(`  failed/s ${perS.toFixed(1)}`);
}

function latency(ms: number | undefined): Text {
  return ms === undefined ? dim("–") : showDuration(ms);
}

function some(count: number): Text {
  return count === 0 ? "0" : yellow(String(count));
}

/** One alone holds everything, which is not worth a line. */
function nodesLine(nodes: readonly NodeView[], free: number): Text[] {
  if (nodes.length < 2 && free === 0) return [];
  const each = nodes.map(({ node, state, shards }): Text => {
    const said = `${node} ${shards}`;
    return ["  ", state === "live" ? green(said) : yellow(`${said} ${state}`)];
  });
  return [["control planes", ...each, free === 0 ? "" : red(`  ${free} shards have no owner`)]];
}

interface Table {
  readonly lines: readonly Text[];
  readonly columns: number;
}

export function tableOf(shown: Shown, looking: Looking, columns: number): Table {
  const { view, runs, containers, nowMs } = shown;
  if (view === undefined) return { lines: [], columns: 0 };
  const { top, workers, poolTasksPerS } = view;
  switch (looking.view) {
    case "pools": {
      const rows = top.pools.map((pool) => {
        const tasksPerS = poolTasksPerS.get(pool.pool);
        return tasksPerS === undefined ? pool : { ...pool, tasksPerS };
      });
      return table(poolColumns, rows, { looking, columns });
    }
    case "workers": {
      const tenants = new Set(workers.map(({ tenant }) => tenant)).size > 1;
      return table(workerColumns(nowMs, tenants), workers, { looking, columns });
    }
    case "runs":
      return runs === undefined ? said("asking …") : table(runColumns(nowMs), runs, { looking, columns });
    case "bus":
      if (top.tenant !== undefined) return said("streams are the installation's: scope operator");
      return table(streamColumns, top.streams, { looking, columns });
    default:
      return containers === undefined
        ? said("no containers: this installation is on no engine that this context knows")
        : containerTable(containers, { looking, columns });
  }
}

function containerTable(
  { rows, unmeasured }: SeenContainers,
  at: { readonly looking: Looking; readonly columns: number },
): Table {
  const shown = table(containerColumns, rows, at);
  if (unmeasured === undefined) return shown;
  return { ...shown, lines: [...shown.lines, "", dim(unmeasured)] };
}

function said(text: string): Table {
  return { lines: ["", dim(text)], columns: 0 };
}

function table<Row>(
  columns: readonly SortableColumn<Row>[],
  rows: readonly Row[],
  { looking, columns: width }: { readonly looking: Looking; readonly columns: number },
): Table {
  const { filter, sort } = looking;
  const wanted = filter.toLowerCase();
  const kept = rows.filter((row) =>
    columns.some((column) => render(column.of(row), false).toLowerCase().includes(wanted)),
  );
  const by = columns[sort.column % columns.length]?.by ?? (() => 0);
  const ordered = kept.toSorted((a, b) => compare(by(a), by(b)) * (sort.down ? -1 : 1));
  const titled = columns.map((column, i) => ({
    ...column,
    title: i === sort.column ? `${column.title}${sort.down ? "▼" : "▲"}` : column.title,
  }));
  return { lines: tableLines(titled, ordered, width), columns: columns.length };
}

function compare(a: number | string, b: number | string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

const names: { readonly [Name in View]: string } = {
  pools: "p pools",
  workers: "w workers",
  runs: "r runs",
  bus: "b bus",
  containers: "c containers",
};

function tabs({ view, filter, paused }: Looking): Text {
  const all = views.map(
    (name): Text => [name === view ? bold(cyan(`[${names[name]}]`)) : dim(names[name]), " "],
  );
  return [all, filter === "" ? "" : yellow(` /${filter}`), paused ? yellow("  paused: space goes on") : ""];
}

function footLine(
  { typing }: Looking,
  { from, rows, height }: { readonly from: number; readonly rows: number; readonly height: number },
): Text {
  if (typing !== undefined) return [bold("/"), typing, "█"];
  const place = rows > height ? `${from + 1}-${Math.min(rows, from + height)} of ${rows}  ` : "";
  return dim(`${place}q quit  tab view  s sort  S turn around  / filter  space pause  ? help`);
}

const helpTable: Table = {
  lines: [
    bold("Keys"),
    "p w r b c    pools, workers, runs, bus, containers; tab: the next one",
    "s or →, ←    order by the next or the previous column;  S turns the order around",
    "/            only rows that hold a text;  escape: all of them",
    "↑ ↓ pgup pgdn home end   scroll",
    "space        hold the picture, and go on",
    "q, ctrl-c    leave",
    "",
    dim("Rates are per second between the last two looks. WAITING: tasks that no worker has begun."),
    dim("CPU% is of one processor. A worker tells of itself each 2 s. Any key closes this."),
  ],
  columns: 0,
};
