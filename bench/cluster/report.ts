/** What a run of faults comes to, in lines. */
import { spreadOf } from "../harness/quantiles.ts";
import { figure } from "../harness/table.ts";
import type { Verdict } from "../kills/check.ts";
import type { Stored } from "../kills/evidence.ts";
import { promises } from "../kills/fault.ts";
import { type Recovery, recoveries } from "../kills/recovery.ts";
import { type Fault, faultKinds } from "./faults.ts";

/** Of each broken promise. */
const shownMax = 8;

export function verdictLines({ faults, runs, commits, calls, repeated }: Verdict): readonly string[] {
  const found = promises.map((promise) => faults.filter(({ broken }) => broken === promise));
  const shown = found.flatMap((some) =>
    some.slice(0, shownMax).map(({ broken, run, what }) => `  ${broken} ${run}: ${what}`),
  );
  return [
    `checked ${runs} histories of ${commits} commits, ${calls} calls of which ${repeated} were repeats`,
    faults.length === 0 ? "no promise was broken" : `${faults.length} BROKEN PROMISES`,
    promises.map((promise, i) => `${found[i]?.length ?? 0} ${promise}`).join(", "),
    ...shown,
  ];
}

/** How long after the beginning of each fault runs went on, by the times of their commits. */
export function recoveryLines(faults: readonly Fault[], log: readonly Stored[]): readonly string[] {
  const all = recoveries(
    faults.map(({ kind, atMs }) => ({ what: kind, atMs })),
    [...Map.groupBy(log, ({ run }) => run)].map(([run, commits]) => ({
      run,
      events: commits.flatMap(({ sequence, commit }) =>
        commit.events.map((event, n) => ({ run, revision: sequence, n, event })),
      ),
    })),
  );
  const seen = faultKinds.filter((kind) => all.some(({ what }) => what === kind));
  return [
    "| fault | times | first progress p50 / p99 ms | every run in flight p50 / p99 ms |",
    "| --- | --- | --- | --- |",
    ...seen.map((kind) =>
      rowOf(
        kind,
        all.filter(({ what }) => what === kind),
      ),
    ),
    rowOf("all", all),
  ];
}

function rowOf(name: string, some: readonly Recovery[]): string {
  const spread = (pick: (one: Recovery) => number | undefined): string => {
    const { n, p50, p99 } = spreadOf(some.flatMap((one) => pick(one) ?? []));
    return n === 0 ? "–" : `${figure(p50)} / ${figure(p99)}`;
  };
  const [first, every] = [spread(({ firstMs }) => firstMs), spread(({ allMs }) => allMs)];
  return `| ${name} | ${some.length} | ${first} | ${every} |`;
}
