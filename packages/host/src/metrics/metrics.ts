import { AgentFlowError } from "@agentflow/protocol";
import { checkName, type Labels, type LabelSpec, Series } from "./labels.ts";
import type { Common, Counted, Observed, Registered } from "./registered.ts";

export interface CounterCell {
  /** Only up; a negative amount is ignored. */
  add(amount?: number): void;
}

export interface GaugeCell {
  set(value: number): void;
}

export interface HistogramCell {
  observe(value: number): void;
}

/** A metric, and its series: take a cell once with `of`, then counting costs an addition. */
export type WithLabels<Cell> = Cell & { of(labels: Labels): Cell };

export interface MetricOptions {
  /** With its unit at the end: `_total`, `_ms`, `_bytes`. The registry's prefix goes before it. */
  readonly name: string;
  readonly help: string;
  readonly labels?: LabelSpec;
}

export interface GaugeOptions extends MetricOptions {
  /** Called at each scrape, for values that are cheaper to ask for than to keep. */
  readonly read?: () => number;
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending; the default suits milliseconds from 0.1 to 60,000. */
  readonly buckets?: readonly number[];
}

export interface Metrics {
  counter(options: MetricOptions): WithLabels<CounterCell>;
  gauge(options: GaugeOptions): WithLabels<GaugeCell>;
  histogram(options: HistogramOptions): WithLabels<HistogramCell>;
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>;
}

const bucketsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000];

/** One registry for a process. Counting touches plain numbers; prom-client is loaded at the first scrape. */
export function createMetrics({ prefix = "agentflow_" }: { readonly prefix?: string } = {}): Metrics {
  const registered = new Map<string, Registered>();
  const common = <Cell>(options: MetricOptions, make: () => Cell): Common<Cell> => {
    const name = `${prefix}${options.name}`;
    checkName(name);
    if (registered.has(name)) throw new AgentFlowError("internal", `there is a metric ${name} already`);
    const labels = options.labels ?? {};
    return {
      name,
      help: options.help,
      labelNames: Object.keys(labels),
      series: new Series(name, { labels, make }),
    };
  };
  let exporter: (() => Promise<string>) | undefined;
  return {
    counter(options) {
      const metric = common(options, zero);
      registered.set(metric.name, { ...metric, kind: "counter" });
      return labelled(metric, counterCell);
    },
    gauge(options) {
      const metric = common(options, zero);
      registered.set(metric.name, { ...metric, kind: "gauge", read: options.read });
      return labelled(metric, gaugeCell);
    },
    histogram(options) {
      const { buckets = bucketsMs } = options;
      const metric = common(
        options,
        (): Observed => ({ counts: new Float64Array(buckets.length + 1), sum: 0 }),
      );
      registered.set(metric.name, { ...metric, kind: "histogram", buckets });
      return labelled(metric, (cell) => histogramCell(cell, buckets));
    },
    async text() {
      exporter ??= (await import("./export.ts")).createExporter(registered);
      return exporter();
    },
  };
}

/** Without labels the metric is its own only cell and shows from the start, so that zero is visible. */
function labelled<Cell extends object, Door extends object>(
  metric: Common<Cell>,
  open: (cell: Cell) => Door,
): Door & { of(labels: Labels): Door } {
  const doors = new WeakMap<Cell, Door>();
  const of = (labels: Labels): Door => {
    const cell = metric.series.of(labels);
    const door = doors.get(cell) ?? open(cell);
    doors.set(cell, door);
    return door;
  };
  return { ...of({}), of };
}

function zero(): Counted {
  return { value: 0 };
}

function counterCell(cell: Counted): CounterCell {
  return {
    add(amount = 1) {
      if (amount > 0) cell.value += amount;
    },
  };
}

function gaugeCell(cell: Counted): GaugeCell {
  return {
    set(value) {
      cell.value = value;
    },
  };
}

function histogramCell(cell: Observed, buckets: readonly number[]): HistogramCell {
  const { counts } = cell;
  const bounds = Float64Array.from(buckets);
  return {
    observe(value) {
      if (Number.isNaN(value)) return;
      let low = 0;
      let high = bounds.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (value <= (bounds[middle] ?? 0)) high = middle;
        else low = middle + 1;
      }
      counts[low] = (counts[low] ?? 0) + 1;
      cell.sum += value;
    },
  };
}
