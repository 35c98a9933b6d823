/** A backup in words: its name, its numbers, and what is wrong with it. */
import type { BackupCounts, BackupReport, Finding } from "@agentflow/control-plane/backup";
import type { Output } from "../output/output.ts";
import { printRecord } from "../output/table.ts";
import { type Text, bold, dim, red, yellow } from "../output/text.ts";

export type { Restored } from "@agentflow/control-plane/backup";

/** `agentflow-20261126-132529.zst`, by UTC. */
export function backupName(atMs: number): string {
  const [day = "", time = ""] = new Date(atMs).toISOString().replaceAll(/[-:]/g, "").split("T");
  return `agentflow-${day}-${time.slice(0, 6)}.zst`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function recordsText(counts: BackupCounts): string {
  const { log, dead, audit, tele, blobs, rows } = counts;
  const records = log + dead + audit + tele;
  return `${counted(records, "record")}, ${counted(blobs, "blob")}, ${counted(rows, "row")}`;
}

export function printReport(output: Output, report: BackupReport & { readonly sha256?: string }): void {
  const { head, runs, counts, journalEntries, workflows, keys, sha256 } = report;
  const { open, ended, archived, parked } = runs;
  const parts = [`${open} open`, `${ended} ended`, `${archived} in archives`, `${parked} unreadable`];
  printRecord(output, [
    ["installation", `${head.installation}  ${head.bus}`],
    ["made", `${head.at} by af ${head.program} on Node ${head.node}`],
    ["runs", `${open + ended + archived + parked}: ${parts.join(", ")}`],
    [
      "records",
      `${runs.commits} commits, ${journalEntries} journal, ${counts.audit} audit, ${counts.dead} dead`,
    ],
    ["telemetry", head.telemetry ? counted(counts.tele, "batch", "batches") : "not in it"],
    ["blobs", `${counts.blobs}, ${bytesText(counts.blobBytes)}`],
    ["workflows", String(workflows)],
    ["keys", String(keys)],
    ["sha256", sha256],
  ]);
}

export function findingText(finding: Finding): Text {
  const { severity, code, message, tenant, run, revision, key, by } = finding;
  const paint = severity === "error" ? red : yellow;
  const where = run === undefined ? (by ?? key ?? "") : `run ${run} (${tenant})`;
  const at = revision === undefined ? "" : ` at revision ${revision}`;
  const what = key === undefined || key === where ? "" : dim(`  ${key}`);
  return [paint(bold(severity)), dim(` ${code}  `), `${where}${at}: ${message}`, what];
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
