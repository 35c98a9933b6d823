/** The share of the machine's CPU that others took: not the bench, not the containers, not their engine. */
import { commandLine, descendants, machineSeconds, processTable } from "../lib/process-table.ts";

const lookEveryMs = 1_000;

/** Starts looking; the function it gives back ends it and says the share. */
export function watchForeign(isOurs: (command: string) => boolean): () => number {
  const before = machineSeconds();
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  let isFirst = true;
  const look = (): void => {
    const table = processTable();
    const roots = [...table.keys()].filter((pid) => isOurs(commandLine(pid)));
    for (const pid of descendants([process.pid, ...roots], table)) {
      const ticks = table.get(pid)?.ticks ?? 0;
      // A process that came later began at zero.
      if (!first.has(pid)) first.set(pid, isFirst ? ticks : 0);
      last.set(pid, ticks);
    }
    isFirst = false;
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  return () => {
    clearInterval(timer);
    look();
    const after = machineSeconds();
    const ours = [...last].reduce((sum, [pid, ticks]) => sum + ticks - (first.get(pid) ?? 0), 0) / 100;
    const total = after.total - before.total;
    return total === 0 ? 0 : Math.max(0, (after.busy - before.busy - ours) / total);
  };
}
