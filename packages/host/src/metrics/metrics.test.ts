import { expect, test } from "vitest";
import { createMetrics } from "./index.ts";

test("counters, gauges and histograms are written in Prometheus' text format", async () => {
  const metrics = createMetrics();
  const runs = metrics.counter({ name: "runs_total", help: "Runs", labels: { outcome: ["ok", "failed"] } });
  runs.of({ outcome: "ok" }).add();
  runs.of({ outcome: "ok" }).add(2);
  runs.of({ outcome: "ok" }).add(-5);
  metrics.gauge({ name: "hot", help: "Hot runs" }).set(7);
  metrics.gauge({ name: "asked", help: "Asked at the scrape", read: () => 3 });
  const took = metrics.histogram({ name: "took_ms", help: "Took", buckets: [1, 10] });
  for (const value of [0.5, 1, 5, 99, Number.NaN]) took.observe(value);
  expect(await metrics.text()).toBe(
    [
      "# HELP agentflow_runs_total Runs",
      "# TYPE agentflow_runs_total counter",
      'agentflow_runs_total{outcome="ok"} 3',
      "",
      "# HELP agentflow_hot Hot runs",
      "# TYPE agentflow_hot gauge",
      "agentflow_hot 7",
      "",
      "# HELP agentflow_asked Asked at the scrape",
      "# TYPE agentflow_asked gauge",
      "agentflow_asked 3",
      "",
      "# HELP agentflow_took_ms Took",
      "# TYPE agentflow_took_ms histogram",
      'agentflow_took_ms_bucket{le="1"} 2',
      'agentflow_took_ms_bucket{le="10"} 3',
      'agentflow_took_ms_bucket{le="+Inf"} 4',
      "agentflow_took_ms_sum 105.5",
      "agentflow_took_ms_count 4",
      "",
    ].join("\n"),
  );
});

test("a scrape shows the state of now, and metrics made after the first scrape too", async () => {
  const metrics = createMetrics({ prefix: "" });
  const count = metrics.counter({ name: "a_total", help: "a" });
  expect(await metrics.text()).toContain("a_total 0");
  count.add(2);
  metrics
    .histogram({ name: "b_ms", help: "b", labels: { kind: ["x"] }, buckets: [1] })
    .of({ kind: "x" })
    .observe(1);
  const text = await metrics.text();
  expect(text).toContain("a_total 2");
  expect(text).toContain('b_ms_bucket{le="1",kind="x"} 1');
  expect(text).not.toContain("other");
});

test("values beyond those declared are counted as other, so that no metric grows without end", async () => {
  const metrics = createMetrics({ prefix: "" });
  const count = metrics.counter({ name: "a_total", help: "a", labels: { pool: 2, outcome: ["ok"] } });
  for (let i = 0; i < 1_000; i++) count.of({ pool: `pool-${i}`, outcome: `o${i}` }).add();
  const rows = (await metrics.text()).split("\n").filter((line) => line.startsWith("a_total"));
  expect(rows).toEqual([
    'a_total{pool="other",outcome="other"} 998',
    'a_total{pool="pool-0",outcome="other"} 1',
    'a_total{pool="pool-1",outcome="other"} 1',
  ]);
});

test("ids as labels, too many series, bad names and a name used twice are refused", () => {
  const metrics = createMetrics();
  const make = (labels: { [label: string]: number }) => () =>
    metrics.counter({ name: "x_total", help: "x", labels });
  for (const label of ["run", "run_id", "id", "task", "trace", "user", "session_id"]) {
    expect(make({ [label]: 5 }), label).toThrow("never a label");
  }
  expect(make({ a: 100, b: 100 })).toThrow("1000 is the limit");
  expect(make({ a: 1_000 })).toThrow("not 1 to 200");
  expect(() => metrics.counter({ name: "bad-name", help: "x" })).toThrow("no metric or label name");
  metrics.counter({ name: "once_total", help: "x" });
  expect(() => metrics.gauge({ name: "once_total", help: "x" })).toThrow("already");
});

test("every value falls into the first bucket whose bound it does not exceed", async () => {
  const buckets = [1, 2, 5, 10, 20, 50];
  const metrics = createMetrics({ prefix: "" });
  const histogram = metrics.histogram({ name: "h", help: "h", buckets });
  const values = Array.from({ length: 600 }, (_, i) => i / 10);
  for (const value of values) histogram.observe(value);
  const text = await metrics.text();
  for (const bound of buckets) {
    const expected = values.filter((value) => value <= bound).length;
    expect(text).toContain(`h_bucket{le="${bound}"} ${expected}\n`);
  }
  expect(text).toContain('h_bucket{le="+Inf"} 600');
});
