import { performance } from "node:perf_hooks";
import process from "node:process";
import type { Metrics } from "../metrics/metrics.ts";

/** What a process costs, read at each scrape only: no timer, no observer, nothing between scrapes. */
export function addProcessMetrics(metrics: Metrics): void {
  let last = performance.eventLoopUtilization();
  const utilization = (): number => {
    const now = performance.eventLoopUtilization();
    const share = performance.eventLoopUtilization(now, last).utilization;
    last = now;
    return Number.isFinite(share) ? share : 0;
  };
  const startedSeconds = Math.round(performance.timeOrigin / 1000);
  metrics.gauge({ name: "process_cpu_seconds", help: "CPU time used", read: cpuSeconds });
  metrics.gauge({
    name: "process_resident_bytes",
    help: "Resident memory",
    read: () => process.memoryUsage.rss(),
  });
  metrics.gauge({
    name: "process_heap_bytes",
    help: "JavaScript heap used",
    read: () => process.memoryUsage().heapUsed,
  });
  metrics.gauge({
    name: "process_event_loop_utilization",
    help: "Share of time since the last scrape in which the event loop was busy",
    read: utilization,
  });
  metrics.gauge({ name: "process_start_seconds", help: "Start, Unix seconds", read: () => startedSeconds });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
