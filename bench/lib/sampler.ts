/** CPU and memory of named processes and all their descendants while something runs. */
import { descendants, processTable, pssBytes } from "./process-table.ts";

export interface Usage {
  /** CPU seconds by label. */
  readonly cpu: { readonly [label: string]: number };
  /** Highest memory (PSS, bytes) by label. */
  readonly peak: { readonly [label: string]: number };
  /** Highest memory of all labels together, the client left out. */
  readonly peakTotal: number;
}

export type Pids = { readonly [label: string]: number | readonly number[] };

/** Starts sampling; the function it gives back ends it and says what was used. */
export function sampler(roots: Pids, everyMs = 250): () => Usage {
  const sampling = new Sampling(roots);
  sampling.look();
  const timer = setInterval(() => sampling.look(), everyMs);
  return () => {
    clearInterval(timer);
    sampling.look(true);
    return sampling.usage();
  };
}

/** PSS is dear to read (the kernel walks every page), so only each fourth look reads it. */
const looksPerMemory = 4;

class Sampling {
  readonly #roots: ReadonlyMap<number, string>;
  readonly #seen = new Map<number, { readonly label: string; readonly first: number; last: number }>();
  readonly #peak = new Map<string, number>();
  #peakTotal = 0;
  #looks = 0;

  constructor(roots: Pids) {
    const pairs = Object.entries(roots).flatMap(([label, pids]) =>
      [pids].flat().map((pid) => ({ pid, label })),
    );
    this.#roots = new Map(pairs.map(({ pid, label }) => [pid, label]));
  }

  look(memory = this.#looks % looksPerMemory === 0): void {
    const table = processTable();
    const labels = this.#labels(table);
    for (const [pid, label] of labels) {
      const ticks = table.get(pid)?.ticks ?? 0;
      const seen = this.#seen.get(pid);
      // A process that came later began at zero: all it used was used here.
      if (seen === undefined)
        this.#seen.set(pid, { label, first: this.#looks === 0 ? ticks : 0, last: ticks });
      else seen.last = ticks;
    }
    this.#looks++;
    if (memory) this.#weigh(labels);
  }

  usage(): Usage {
    const cpu: Record<string, number> = {};
    for (const { label, first, last } of this.#seen.values()) {
      cpu[label] = (cpu[label] ?? 0) + (last - first) / 100;
    }
    return { cpu, peak: Object.fromEntries(this.#peak), peakTotal: this.#peakTotal };
  }

  /** The nearest root upward names a process; the harness's own children belong to nobody but themselves. */
  #labels(table: ReturnType<typeof processTable>): Map<number, string> {
    const labels = new Map<number, string>();
    for (const root of this.#roots.keys()) {
      const all = root === process.pid ? [root] : descendants([root], table);
      for (const pid of all) labels.set(pid, this.#nearest(pid, table));
    }
    return labels;
  }

  #nearest(from: number, table: ReturnType<typeof processTable>): string {
    for (let pid = from; pid > 1; pid = table.get(pid)?.parent ?? 0) {
      const label = this.#roots.get(pid);
      if (label !== undefined) return label;
    }
    return "unknown";
  }

  #weigh(labels: ReadonlyMap<number, string>): void {
    const now = new Map<string, number>();
    for (const [pid, label] of labels) now.set(label, (now.get(label) ?? 0) + pssBytes(pid));
    let total = 0;
    for (const [label, bytes] of now) {
      this.#peak.set(label, Math.max(this.#peak.get(label) ?? 0, bytes));
      if (label !== "client") total += bytes;
    }
    this.#peakTotal = Math.max(this.#peakTotal, total);
  }
}
