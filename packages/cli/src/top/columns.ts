/** The tables of `af top`: what stands in a column, and by what its rows are ordered. */
import { type PoolTop, type RunSummary, showDuration, type StreamTop } from "@agentflow/protocol";
import { showBytes } from "../output/size.ts";
import type { Column } from "../output/table.ts";
import { dim, green, red, type Text, yellow } from "../output/text.ts";
import { ago } from "../output/when.ts";
import type { ContainerRow } from "./containers.ts";
import type { TopView } from "./rates.ts";

export interface SortableColumn<Row> extends Column<Row> {
  readonly by: (row: Row) => number | string;
}

export type WorkerRow = TopView["workers"][number];
export type PoolRow = PoolTop & { readonly tasksPerS?: number };

export const poolColumns: readonly SortableColumn<PoolRow>[] = [
  { title: "POOL", of: ({ pool }) => pool, by: ({ pool }) => pool, flexible: true },
  number("WORKERS", ({ workers }) => workers, { zero: red }),
  number("SLOTS", ({ slots }) => slots),
  number("BUSY", ({ busy }) => busy),
  number("WAITING", ({ waiting }) => waiting, { some: yellow }),
  {
    title: "OLDEST",
    side: "right",
    of: ({ oldestWaitMs }) => (oldestWaitMs === undefined ? dim("–") : yellow(showDuration(oldestWaitMs))),
    by: ({ oldestWaitMs = 0 }) => oldestWaitMs,
  },
  rate("TASKS/S", ({ tasksPerS }) => tasksPerS),
];

export function workerColumns(nowMs: number, tenants: boolean): readonly SortableColumn<WorkerRow>[] {
  const tenant: SortableColumn<WorkerRow> = {
    title: "TENANT",
    of: (row) => row.tenant,
    by: (row) => row.tenant,
  };
  return [
    { title: "WORKER", of: ({ worker }) => worker, by: ({ worker }) => worker, flexible: true },
    ...(tenants ? [tenant] : []),
    { title: "POOL", of: ({ pool }) => pool, by: ({ pool }) => pool },
    { title: "STATE", of: stateText, by: ({ state, alive }) => (alive ? state : "gone") },
    {
      title: "BUSY",
      side: "right",
      of: ({ busy, slots }) => `${busy.length}/${slots}`,
      by: ({ busy }) => busy.length,
    },
    rate("TASKS/S", ({ tasksPerS }) => tasksPerS),
    number("DONE", ({ tasksEnded = 0 }) => tasksEnded),
    percent("CPU%", ({ cpuPercent }) => cpuPercent),
    bytes("MEM", ({ usage }) => usage?.supervisor.rssBytes),
    percent("RUN CPU%", ({ runnersCpuPercent }) => runnersCpuPercent),
    bytes("RUN MEM", ({ usage }) => usage?.runners.reduce((sum, { rssBytes }) => sum + rssBytes, 0)),
    { title: "UP", of: ({ since }) => ago(since, nowMs).replace(/ ago$/, ""), by: ({ since }) => since },
    {
      title: "CODE",
      of: ({ build, code, version }) => [build, dim(` ${code ?? "–"} ${version ?? ""}`)],
      by: ({ build }) => build,
      flexible: "first",
    },
  ];
}

export function runColumns(nowMs: number): readonly SortableColumn<RunSummary>[] {
  return [
    { title: "RUN", of: ({ run }) => run, by: ({ run }) => run },
    { title: "WORKFLOW", of: ({ workflow }) => workflow, by: ({ workflow }) => workflow, flexible: true },
    { title: "STATUS", of: ({ status }) => status, by: ({ status }) => status },
    {
      title: "FOR",
      of: ({ startedAt }) => ago(startedAt, nowMs).replace(/ ago$/, ""),
      by: ({ startedAt }) => startedAt,
    },
  ];
}

export const streamColumns: readonly SortableColumn<StreamTop>[] = [
  { title: "STREAM", of: ({ stream }) => stream, by: ({ stream }) => stream, flexible: true },
  {
    title: "MESSAGES",
    side: "right",
    of: ({ messages }) => (messages === undefined ? dim("–") : String(messages)),
    by: ({ messages = 0 }) => messages,
  },
  bytes("SIZE", ({ bytes: size }) => size),
];

export const containerColumns: readonly SortableColumn<ContainerRow>[] = [
  { title: "CONTAINER", of: copyName, by: ({ name }) => name, flexible: true },
  { title: "STATE", of: containerState, by: ({ state }) => state },
  percent("CPU%", ({ cpuPercent }) => cpuPercent),
  bytes("MEM", ({ memoryBytes }) => memoryBytes),
  bytes("LIMIT", ({ memoryLimitBytes }) => memoryLimitBytes),
  number("RESTARTS", ({ restarts }) => restarts, { some: yellow }),
];

function stateText({ alive, state }: WorkerRow): Text {
  if (!alive) return red("gone");
  return state === "ready" ? green(state) : yellow(state);
}

/** Without project and target, which all have in common: a narrow screen would show nothing else. */
function copyName({ name, part }: ContainerRow): string {
  const at = name.lastIndexOf(`${part}-`);
  return at < 0 ? name : name.slice(at);
}

function containerState({ state, health }: ContainerRow): Text {
  const said = health === "none" ? state : `${state}, ${health}`;
  if (state === "running" && health !== "unhealthy")
    return health === "starting" ? yellow(said) : green(said);
  if (state === "exited" || state === "Succeeded") return dim(said);
  return state === "Pending" || state === "Terminating" ? yellow(said) : red(said);
}

interface Tone {
  readonly zero?: (text: Text) => Text;
  readonly some?: (text: Text) => Text;
}

function number<Row>(title: string, of: (row: Row) => number, tone: Tone = {}): SortableColumn<Row> {
  const shown = (row: Row): Text => {
    const value = of(row);
    const paint = value === 0 ? tone.zero : tone.some;
    return paint === undefined ? String(value) : paint(String(value));
  };
  return { title, of: shown, by: of, side: "right" };
}

function rate<Row>(title: string, of: (row: Row) => number | undefined): SortableColumn<Row> {
  return { title, of: (row) => rateText(of(row)), by: (row) => of(row) ?? 0, side: "right" };
}

export function rateText(value: number | undefined): Text {
  if (value === undefined) return dim("–");
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

function percent<Row>(title: string, of: (row: Row) => number | undefined): SortableColumn<Row> {
  const shown = (row: Row): Text => {
    const value = of(row);
    return value === undefined ? dim("–") : value.toFixed(value < 10 ? 1 : 0);
  };
  return { title, of: shown, by: (row) => of(row) ?? 0, side: "right" };
}

function bytes<Row>(title: string, of: (row: Row) => number | undefined): SortableColumn<Row> {
  const shown = (row: Row): Text => {
    const value = of(row);
    return value === undefined ? dim("–") : showBytes(value);
  };
  return { title, of: shown, by: (row) => of(row) ?? 0, side: "right" };
}
