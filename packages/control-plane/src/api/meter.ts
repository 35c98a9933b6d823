import type { Clock } from "@agentflow/host/clock";
import type { CounterCell, HistogramCell, Metrics } from "@agentflow/host/metrics";
import { operations } from "./operations/index.ts";

/** Requests by operation and status, and how long they took; a request costs two look-ups and additions. */
export interface RequestMeter {
  begin(): number;
  end(began: number, of: { operation: string | undefined; status: number }): void;
}

const names = [...operations.map(({ id }) => id), "followRuns", "followTelemetry", "backup", "other"];
const classes = ["2xx", "4xx", "5xx"] as const;

interface Cells {
  readonly ms: HistogramCell;
  readonly byClass: Readonly<Record<(typeof classes)[number], CounterCell>>;
}

export function createMeter(metrics: Metrics, clock: Pick<Clock, "monotonic">): RequestMeter {
  const counted = metrics.counter({
    name: "api_requests_total",
    help: "Requests by operation and status.",
    labels: { operation: names, status: [...classes] },
  });
  const timed = metrics.histogram({
    name: "api_request_ms",
    help: "From a request's head to its answer; a wait that was asked for is in it.",
    labels: { operation: names },
  });
  const cellsOf = (operation: string): Cells => ({
    ms: timed.of({ operation }),
    byClass: {
      "2xx": counted.of({ operation, status: "2xx" }),
      "4xx": counted.of({ operation, status: "4xx" }),
      "5xx": counted.of({ operation, status: "5xx" }),
    },
  });
  const other = cellsOf("other");
  const cells = new Map(names.map((name) => [name, cellsOf(name)]));
  return {
    begin: () => clock.monotonic(),
    end(began, { operation, status }) {
      const { ms, byClass } = (operation === undefined ? undefined : cells.get(operation)) ?? other;
      ms.observe(clock.monotonic() - began);
      byClass[status >= 500 ? "5xx" : status >= 400 ? "4xx" : "2xx"].add();
    },
  };
}
