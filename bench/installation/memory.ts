/** Memory of an installation's processes now: each with its descendants. */
import { descendants, processTable } from "../lib/process-table.ts";
import type { Pids } from "../lib/sampler.ts";

/** Resident bytes by label. */
export function residentBytes(pids: Pids): { readonly [label: string]: number } {
  const table = processTable();
  const rows = Object.entries(pids).map(([label, roots]) => {
    const all = descendants([roots].flat(), table);
    return [label, all.reduce((sum, pid) => sum + (table.get(pid)?.rssBytes ?? 0), 0)] as const;
  });
  return Object.fromEntries(rows);
}

/** CPU seconds by label since each began. */
export function cpuSeconds(pids: Pids): { readonly [label: string]: number } {
  const table = processTable();
  const rows = Object.entries(pids).map(([label, roots]) => {
    const all = descendants([roots].flat(), table);
    return [label, all.reduce((sum, pid) => sum + (table.get(pid)?.ticks ?? 0), 0) / 100] as const;
  });
  return Object.fromEntries(rows);
}

/** `nats 80, control-0 120` in MiB. */
export function memoryText(bytes: { readonly [label: string]: number }): string {
  return Object.entries(bytes)
    .map(([label, one]) => `${label} ${(one / 1024 / 1024).toFixed(0)}`)
    .join(", ");
}
