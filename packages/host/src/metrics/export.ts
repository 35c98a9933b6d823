/** The only file that loads prom-client, which costs some 60 ms of CPU: at the first scrape. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type Labels, otherValue, type Series } from "./labels.ts";
import type { Counted, Observed, Registered } from "./registered.ts";

/** Gives the text of all metrics; those registered later are taken in at the next call. */
export function createExporter(registered: ReadonlyMap<string, Registered>): () => Promise<string> {
  const registry = new Registry();
  const known = new Set<string>();
  return () => {
    for (const metric of registered.values()) {
      if (!known.has(metric.name)) expose(metric, registry);
      known.add(metric.name);
    }
    return registry.metrics();
  };
}

type Of<Kind> = Extract<Registered, { kind: Kind }>;

function expose(metric: Registered, registry: Registry): void {
  if (metric.kind === "counter") exposeCounter(metric, registry);
  else if (metric.kind === "gauge") exposeGauge(metric, registry);
  else new ArrayHistogram(metric, registry);
}

/** The catch-all series of a metric with labels is made with it; it shows once something fell into it. */
function visible<Cell extends Counted | Observed>(metric: {
  readonly labelNames: readonly string[];
  readonly series: Series<Cell>;
}): { readonly labels: Labels; readonly cell: Cell }[] {
  return [...metric.series.cells.values()].filter(
    ({ labels, cell }) =>
      metric.labelNames.length === 0 ||
      !Object.values(labels).every((value) => value === otherValue) ||
      !unused(cell),
  );
}

function unused(cell: Counted | Observed): boolean {
  return "value" in cell ? cell.value === 0 : cell.counts.every((count) => count === 0);
}

function exposeCounter(metric: Of<"counter">, registry: Registry): void {
  const { name, help, labelNames } = metric;
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, cell } of visible(metric)) this.inc(labels, cell.value);
    },
  });
}

function exposeGauge(metric: Of<"gauge">, registry: Registry): void {
  const { name, help, labelNames, read } = metric;
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      if (read !== undefined) this.set(read());
      else for (const { labels, cell } of visible(metric)) this.set(labels, cell.value);
    },
  });
}

interface Sample {
  readonly metricName: string;
  readonly labels: { readonly [label: string]: string | number };
  readonly value: number;
}

/** A histogram whose counts live in our arrays; prom-client asks for them when it writes the text. */
class ArrayHistogram extends Histogram {
  private readonly metric: Of<"histogram">;

  constructor(metric: Of<"histogram">, registry: Registry) {
    const { name, help, labelNames, buckets } = metric;
    super({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [registry] });
    this.metric = metric;
  }

  /** The door that prom-client 15 uses, for the text format and for everything else. */
  async getForPromString() {
    const values = visible(this.metric).flatMap(({ labels, cell }) => this.samples(labels, cell));
    return { name: this.metric.name, help: this.metric.help, type: "histogram", aggregator: "sum", values };
  }

  private samples(labels: Labels, { counts, sum }: Observed): Sample[] {
    const { name, buckets } = this.metric;
    let total = 0;
    const rows = [...counts].map((count, i): Sample => {
      total += count;
      return { metricName: `${name}_bucket`, labels: { le: buckets[i] ?? "+Inf", ...labels }, value: total };
    });
    return [
      ...rows,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: total },
    ];
  }
}
