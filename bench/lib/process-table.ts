/** What /proc says of processes and of the machine (Linux only). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly state: string;
  /** User and system time, in hundredths of a second. */
  readonly ticks: number;
  readonly rssBytes: number;
}

const pageBytes = 4_096;

/** Every process there is now. */
export function processTable(): Map<number, ProcessFacts> {
  const table = new Map<number, ProcessFacts>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const facts = readFacts(Number(name));
    if (facts !== undefined) table.set(facts.pid, facts);
  }
  return table;
}

/** The processes named and all their descendants, while they live. */
export function descendants(roots: readonly number[], table = processTable()): number[] {
  const found = new Set(roots.filter((pid) => table.has(pid)));
  let grew = true;
  while (grew) {
    grew = false;
    for (const { pid, parent } of table.values()) {
      if (found.has(pid) || !found.has(parent)) continue;
      found.add(pid);
      grew = true;
    }
  }
  return [...found];
}

/** Memory of a process with shared pages counted once in all; 0 when it is gone. */
export function pssBytes(pid: number): number {
  const found = /^Pss:\s+(\d+)/m.exec(readText(`/proc/${pid}/smaps_rollup`));
  return Number(found?.[1] ?? 0) * 1_024;
}

export function commandLine(pid: number): string {
  return readText(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
}

/** Where a process works; undefined when it is gone or somebody else's. */
export function workingDir(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Seconds of the whole machine: all there were, and those in which somebody worked. */
export function machineSeconds(): { readonly busy: number; readonly total: number } {
  const [first = ""] = readText("/proc/stat").split("\n");
  const [user = 0, nice = 0, system = 0, idle = 0, io = 0, irq = 0, soft = 0, steal = 0] = first
    .split(/ +/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + soft;
  return { busy: busy / 100, total: (busy + idle + io + steal) / 100 };
}

function readFacts(pid: number): ProcessFacts | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === "") return undefined;
  // The name in parentheses may hold anything; what follows the last one is regular.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (at: number): number => Number(fields[at] ?? 0);
  return {
    pid,
    state: fields[0] ?? "",
    parent: number(1),
    group: number(2),
    ticks: number(11) + number(12),
    rssBytes: number(21) * pageBytes,
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
