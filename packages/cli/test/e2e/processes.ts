/** What runs on this machine, from /proc: who belongs to a folder, who to a tree, and what it costs. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Live processes (a zombie is none) that work in the folder or name it. */
export function processesIn(dir: string): ProcessInfo[] {
  return allProcesses().filter(({ pid, command }) => command.includes(dir) || worksIn(pid, dir));
}

/** The process and all below it. */
export function treeOf(root: number): ProcessInfo[] {
  const all = allProcesses();
  const tree = new Set([root]);
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid);
  }
  return all.filter(({ pid }) => tree.has(pid));
}

/** Proportional set size in bytes. */
export function pssOf(pid: number): number {
  const match = /^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/smaps_rollup`));
  return Number(match?.[1] ?? 0) * 1024;
}

function allProcesses(): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => infoOf(Number(name)))
    .filter((info) => info !== undefined);
}

function infoOf(pid: number): ProcessInfo | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === undefined || state === "" || state === "Z" || state === "X") return undefined;
  const command = textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  return { pid, parent: Number(parent), command };
}

function worksIn(pid: number, dir: string): boolean {
  try {
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    return cwd === dir || cwd.startsWith(`${dir}/`);
  } catch {
    return false;
  }
}

/** Empty when the process has ended meanwhile. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
