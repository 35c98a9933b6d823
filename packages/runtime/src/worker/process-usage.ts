/** What a worker's processes have used up, from the operating system. */
import type { ProcessUsage, WorkerUsage } from "@agentflow/protocol";
import { readFileSync } from "node:fs";

/** Ticks a second in which Linux tells CPU time, on every architecture. */
const ticksPerSecond = 100;

/**
 * Of this process and of those runners of which the system tells: on Linux all that live, elsewhere none.
 * Undefined where it tells nothing, as when no file can be opened: a worker says that it lives all the same.
 */
export function processUsages(pids: readonly number[]): WorkerUsage | undefined {
  const supervisor = ownUsage();
  if (supervisor === undefined) return undefined;
  const runners = pids.flatMap((pid) => {
    const usage = usageOf(pid);
    return usage === undefined ? [] : [{ pid, ...usage }];
  });
  return { supervisor, runners };
}

function ownUsage(): ProcessUsage | undefined {
  try {
    const { user, system } = process.cpuUsage();
    return { cpuMs: Math.round((user + system) / 1_000), rssBytes: process.memoryUsage.rss() };
  } catch {
    return undefined;
  }
}

function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Behind the name, which may hold anything: the 14th and 15th of all fields.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    if (!Number.isFinite(ticks) || kib === undefined) return undefined;
    return { cpuMs: Math.round((ticks * 1_000) / ticksPerSecond), rssBytes: Number(kib) * 1_024 };
  } catch {
    return undefined;
  }
}
