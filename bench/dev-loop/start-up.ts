/** CPU and wall time of short commands. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afBin } from "../embedded/dev.ts";
import { NODE } from "../lib/children.ts";

export interface CommandCost {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly status: number | null;
}

/** Averages over `times` calls, after one that warms the caches. */
export function costOf(words: readonly string[], cwd: string, times = 20): CommandCost {
  const call = (): number | null => spawnSync(NODE, [afBin, ...words], { cwd, stdio: "ignore" }).status;
  const status = call();
  const cpu = childTicks();
  const beganMs = performance.now();
  for (let i = 0; i < times; i++) call();
  const wallMs = (performance.now() - beganMs) / times;
  return { cpuMs: ((childTicks() - cpu) * 10) / times, wallMs, status };
}

/** User and system time of children that have ended, in hundredths of a second: the kernel's own sum. */
function childTicks(): number {
  const text = readFileSync("/proc/self/stat", "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[13]) + Number(fields[14]);
}
