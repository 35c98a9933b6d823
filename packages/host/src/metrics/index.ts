/** Metrics: counted in plain numbers, bounded in labels, written for Prometheus. */
export type { Labels, LabelSpec } from "./labels.ts";
export {
  type CounterCell,
  createMetrics,
  type GaugeCell,
  type GaugeOptions,
  type HistogramCell,
  type HistogramOptions,
  type MetricOptions,
  type Metrics,
  type WithLabels,
} from "./metrics.ts";
