/** The columns of the table: where each figure stands in a result. Figures are medians over the repeats. */
import { median } from "./quantiles.ts";
import type { Repeat, SystemResult } from "./result.ts";

export type WorkName = "w1" | "w2" | "w3" | "w4" | "w5" | "w6";

export interface Column {
  readonly key: string;
  readonly title: string;
  /** Whose foreign load decides if the figure can be compared. */
  readonly work: WorkName;
  value(result: SystemResult): number | undefined;
}

export const columns: readonly Column[] = [
  column("w1P50", "W1 p50 ms", "w1", ({ w1 }) => w1?.p50),
  column("w1P95", "W1 p95 ms", "w1", ({ w1 }) => w1?.p95),
  column("w2P50", "W2 p50 ms, 1 client", "w2", ({ w2 }) => w2?.solo.p50),
  column("w2PerSec", "W2 runs/s, 16 clients", "w2", ({ w2 }) => w2?.perSec),
  column("w3PerSec", "W3 runs/s", "w3", ({ w3 }) => w3?.perSec),
  column("w3Cpu", "W3 CPU ms a run", "w3", ({ w3 }) => w3?.cpuMsPerRun),
  column("w4P50", "W4 p50 ms", "w4", ({ w4 }) => w4?.p50),
  column("w3Memory", "W3 memory MiB", "w3", ({ w3 }) =>
    w3 === undefined ? undefined : mebi(w3.peakPssTotal),
  ),
  column("w6P50", "W6 p50 ms", "w6", ({ w6 }) => w6?.p50),
  column("w6TurnP95", "W6 turn p95 ms", "w6", ({ w6 }) => w6?.turn.p95),
  { key: "memoryAfter", title: "W5 control MiB", work: "w5", value: memoryAfter },
  { key: "rateAfter", title: "W5 rate %", work: "w5", value: rateAfter },
];

/** The share of the machine that others took during a workload. */
export function foreignOf(result: SystemResult, work: WorkName): number | undefined {
  if (work === "w5") return median((result.w5 ?? []).map(({ foreign }) => foreign));
  return median(result.reps.flatMap((repeat) => repeat[work]?.foreign ?? []));
}

function column(
  key: string,
  title: string,
  work: WorkName,
  pick: (repeat: Repeat) => number | undefined,
): Column {
  return { key, title, work, value: ({ reps }) => median(reps.flatMap((repeat) => pick(repeat) ?? [])) };
}

/** The process that keeps the runs: our control plane, a peer's server. */
function memoryAfter({ w5 }: SystemResult): number | undefined {
  const memory = w5?.at(-1)?.memory;
  const bytes = memory?.["control"] ?? memory?.["server"];
  return bytes === undefined ? undefined : mebi(bytes);
}

function rateAfter({ w5 }: SystemResult): number | undefined {
  const [empty, last] = [w5?.at(0), w5?.at(-1)];
  return empty === undefined || last === undefined ? undefined : (100 * last.perSec) / empty.perSec;
}

function mebi(bytes: number): number {
  return bytes / 2 ** 20;
}
