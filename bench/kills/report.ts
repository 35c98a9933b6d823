/** What a sitting of the kill matrix found, for people. */
import { spreadOf } from "../harness/quantiles.ts";
import { figure } from "../harness/table.ts";
import type { Recovery } from "./recovery.ts";

/** A row for each kind that was struck, and one for all. */
export function recoveryRows(kinds: readonly string[], all: readonly Recovery[]): string[] {
  const seen = kinds.filter((kind) => all.some(({ what }) => what === kind));
  const rows = [...seen, "all"].map((kind) => {
    const some = kind === "all" ? all : all.filter(({ what }) => what === kind);
    const spread = (pick: (one: Recovery) => number | undefined): string => {
      const { n, p50, p99 } = spreadOf(some.flatMap((one) => pick(one) ?? []));
      return n === 0 ? "–" : `${figure(p50)} / ${figure(p99)}`;
    };
    const [first, every] = [spread(({ firstMs }) => firstMs), spread(({ allMs }) => allMs)];
    return `| ${kind} | ${some.length} | ${first} | ${every} |`;
  });
  return [
    "| killed | times | first progress p50 / p99 ms | every run in flight p50 / p99 ms |",
    "| --- | --- | --- | --- |",
    ...rows,
  ];
}

const shownMax = 40;

export function verdict(faults: readonly string[]): string {
  if (faults.length === 0) return "0 runs lost, 0 results recorded twice, 0 holes, every run ended";
  return `${faults.length} FAULTS\n${faults.slice(0, shownMax).join("\n")}`;
}
