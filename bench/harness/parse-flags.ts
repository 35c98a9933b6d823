/** The flags of `npm run bench`; the process that measures one system is given the same words. */
import { parseArgs } from "node:util";
import { usualSystems } from "./adapter.ts";
import { type Limits, workNames } from "./workloads.ts";

export interface BenchFlags {
  readonly systems: readonly string[];
  readonly work: readonly string[];
  readonly reps: number;
  readonly limits: Limits;
  /** Only draw the table of a sitting that was recorded before. */
  readonly from: string | undefined;
}

export const usage = `npm run bench -- [flags]
  --systems a,b   which ones (default: ${usualSystems.join(",")})
  --work w1,w2    which workloads (default: ${workNames.join(",")})
  --reps 3        repeats of W1 to W4, each with empty data
  --runs1 500     runs of W1
  --cap 60        seconds at most: W1 and W3
  --cap2 10       seconds at most: W2, W4 and W6
  --fill 20000,100000   stored runs that W5 probes at
  --fillcap 120   seconds one fill of W5 may take
  --from FILE     draw the table of a recorded sitting`;

/** Refuses an unknown flag, workload or number. */
export function parseFlags(words: readonly string[]): BenchFlags {
  const { values } = parseArgs({
    args: [...words],
    options: {
      systems: { type: "string", default: usualSystems.join(",") },
      work: { type: "string", default: workNames.join(",") },
      reps: { type: "string", default: "3" },
      runs1: { type: "string", default: "500" },
      cap: { type: "string", default: "60" },
      cap2: { type: "string", default: "10" },
      fill: { type: "string", default: "20000,100000" },
      fillcap: { type: "string", default: "120" },
      from: { type: "string" },
    },
  });
  const work = values.work.split(",");
  const unknown = work.find((one) => !workNames.some((name) => name === one));
  if (unknown !== undefined) throw new Error(`no workload "${unknown}"\n${usage}`);
  return {
    systems: values.systems.split(","),
    work,
    reps: positive("reps", values.reps),
    limits: {
      runs1: positive("runs1", values.runs1),
      cap: positive("cap", values.cap),
      cap2: positive("cap2", values.cap2),
      fill: values.fill.split(",").map((one) => positive("fill", one)),
      fillCap: positive("fillcap", values.fillcap),
    },
    from: values.from,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} needs a number above zero, not "${text}"\n${usage}`);
}
