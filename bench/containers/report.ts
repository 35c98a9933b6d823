/** What a run of faults comes to, in lines. */
import { spreadOf } from "../harness/quantiles.ts";
import { figure } from "../harness/table.ts";
import type { Stored } from "../kills/evidence.ts";
import { recoveries } from "../kills/recovery.ts";
import { type Fault, faultKinds } from "./faults.ts";

interface Row {
  readonly kind: string;
  readonly part: string;
  /** Until any run made progress, every run in flight had, a run that was started afterwards had ended. */
  readonly firstMs: number | undefined;
  readonly allMs: number | undefined;
  readonly newMs: number | undefined;
}

/** How long after the beginning of each fault the work went on, by the times of the commits. */
export function recoveryLines(faults: readonly Fault[], log: readonly Stored[]): readonly string[] {
  const runs = [...Map.groupBy(log, ({ run }) => run)].map(([run, commits]) => ({
    run,
    events: commits.flatMap(({ sequence, commit }) =>
      commit.events.map((event, n) => ({ run, revision: sequence, n, event })),
    ),
  }));
  const spans = runs.flatMap(({ events }) => {
    const at = (kind: string): number | undefined => {
      const found = events.find(({ event }) => event.kind === kind)?.event;
      return found === undefined ? undefined : Date.parse(found.at);
    };
    const [startMs, endMs] = [at("run_started"), at("run_completed")];
    return startMs === undefined || endMs === undefined ? [] : [{ startMs, endMs }];
  });
  const found = recoveries(
    faults.map(({ kind, atMs }) => ({ what: kind, atMs })),
    runs,
  );
  const rows = faults.map(({ kind, part, atMs }, n): Row => {
    const ends = spans.flatMap(({ startMs, endMs }) => (startMs >= atMs ? endMs : []));
    const { firstMs, allMs } = found[n] ?? {};
    return { kind, part, firstMs, allMs, newMs: ends.length === 0 ? undefined : Math.min(...ends) - atMs };
  });
  const parts = [...new Set(faults.map(({ part }) => part))].sort();
  return [
    "p50 / p99 in ms from the beginning of the fault:",
    "| fault | times | first progress | every run in flight | a new run has ended |",
    "| --- | --- | --- | --- | --- |",
    ...parts.flatMap((part) =>
      faultKinds.map((kind) =>
        rowOf(
          `${kind} ${part}`,
          rows.filter((row) => row.part === part && row.kind === kind),
        ),
      ),
    ),
    rowOf("all", rows),
  ];
}

function rowOf(name: string, rows: readonly Row[]): string {
  const spread = (pick: (row: Row) => number | undefined): string => {
    const { n, p50, p99 } = spreadOf(rows.flatMap((row) => pick(row) ?? []));
    return n === 0 ? "–" : `${figure(p50)} / ${figure(p99)}`;
  };
  const cells = [spread((row) => row.firstMs), spread((row) => row.allMs), spread((row) => row.newMs)];
  return `| ${name} | ${rows.length} | ${cells.join(" | ")} |`;
}
