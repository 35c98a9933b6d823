/** A backup into an empty installation, over the ports. */
import type { Bus, Table } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import { AgentFlowError, instant, parseLogSubject, prefixes } from "@agentflow/protocol";
import { copyInstallation } from "./copy.ts";
import { decodeBackup } from "./decode.ts";
import { type BackupReport, examine, isLeft, type LeftRuns } from "./examine.ts";
import { beginRestore, endRestore, findMark } from "./mark.ts";
import { torn } from "./parse-record.ts";
import { readUpTo } from "./read-up-to.ts";
import type { BackupCounts, BackupEnd } from "./records.ts";
import { Writer } from "./writer.ts";

/** The file's bytes from their begin; asked for more than once. */
export type OpenFile = () => AsyncIterable<Uint8Array>;

/** Reads the whole file and says what is in it. Throws `refused` for one that is torn. */
export async function verifyBackup(open: OpenFile): Promise<BackupReport & { readonly sha256: string }> {
  const { left, sha256 } = await surveyBackup(open);
  return { ...(await examine(decodeBackup(open()), left)), sha256 };
}

export interface Survey {
  readonly left: LeftRuns;
  readonly installation: string;
  readonly counts: BackupCounts;
  readonly sha256: string;
}

/** First whether it is whole: nothing in a torn file is believed. */
export async function surveyBackup(open: OpenFile): Promise<Survey> {
  const left = new Map<string, number>();
  let installation = "";
  let end: BackupEnd | undefined;
  for await (const record of decodeBackup(open())) {
    if (record.kind === "backup") ({ installation } = record);
    else if (record.kind === "left") left.set(record.subject, record.upTo);
    else if (record.kind === "end") end = record;
  }
  if (end === undefined) throw torn("its end is missing");
  return { left, installation, counts: end.counts, sha256: end.sha256 };
}

export interface RestoreOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly program: string;
  readonly node: string;
  readonly signal: AbortSignal;
  /** Goes on although the file's check found errors. */
  readonly acceptFaults: boolean;
}

export interface Restored {
  readonly file: BackupReport;
  /** What the installation holds, read again from it. */
  readonly written: BackupReport;
}

/**
 * Checks the file, writes it, and reads all of it again. Until that is done a mark stands in Table, and no
 * control plane starts on what is there.
 */
export async function restoreBackup(open: OpenFile, options: RestoreOptions): Promise<Restored> {
  const { bus, world } = options;
  await refuseBusy(options);
  const { left } = await surveyBackup(open);
  const file = await examine(decodeBackup(open()), left);
  if (file.errors > 0 && !options.acceptFaults) throw faulty(file);
  await beginRestore(bus.table, { at: instant(world.clock.now()), installation: file.head.installation });
  const writer = new Writer(bus);
  for await (const record of decodeBackup(open())) {
    if (options.signal.aborted) throw new AgentFlowError("unavailable", "the restore was given up");
    if (record.kind !== "entry" || !isLeft(left, record)) await writer.add(record);
  }
  await writer.flush();
  const written = await examine(copyInstallation({ ...options, telemetry: file.head.telemetry }));
  checkWritten(file, written);
  await endRestore(bus.table);
  return { file, written };
}

/** Refuses an installation that has runs, in its log or in archives. */
async function refuseBusy(options: RestoreOptions): Promise<void> {
  const { bus, world, signal } = options;
  const mark = await findMark(bus.table);
  if (mark !== undefined) {
    throw new AgentFlowError("refused", "an earlier restore into this installation did not come to its end", {
      reason: "restore_unfinished",
      details: { at: mark.at },
      suggestions: ["throw away what is there first"],
    });
  }
  const upTo = await bus.log.heads();
  const runs = new Set<string>();
  for await (const entries of readUpTo(bus.log, {
    prefix: prefixes.log,
    upTo,
    timers: world.timers,
    signal,
  })) {
    for (const { subject } of entries) runs.add(parseLogSubject(subject)?.run ?? subject);
    if (runs.size > 0) break;
  }
  if (runs.size > 0 || (await hasArchives(bus.table))) throw busy([...runs]);
}

async function hasArchives(table: Table): Promise<boolean> {
  try {
    return (await table.list("archived.")).length > 0;
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "limit_exceeded") return true;
    throw error;
  }
}

function busy(runs: readonly string[]): AgentFlowError {
  const [first] = runs;
  const which = first === undefined ? "" : `, for example ${first}`;
  return new AgentFlowError("refused", `the installation has runs already${which}: it must be empty`, {
    reason: "not_empty",
    details: first === undefined ? {} : { run: first },
    suggestions: [
      "restore into another folder: af restore FILE --into DIR",
      "or save what is there (af backup), throw it away (af dev --fresh, then stop it) and restore",
    ],
  });
}

function faulty(report: BackupReport): AgentFlowError {
  const { errors, findings } = report;
  const [first] = findings.filter(({ severity }) => severity === "error");
  return new AgentFlowError(
    "refused",
    `the backup has ${errors} faults; the first: ${first?.message ?? ""}`,
    {
      reason: "backup_faulty",
      details: { errors, faults: findings },
      suggestions: ["af backup verify FILE names them", "--accept-faults restores what there is"],
    },
  );
}

/**
 * Runs, and blobs that are not there: of blobs themselves a file may hold one more than once. What the file
 * did not hold, and was accepted, is missing here.
 */
function checkWritten(file: BackupReport, written: BackupReport): void {
  const of = ({ runs, journalEntries, errors, warnings }: BackupReport) => ({
    ...runs,
    journalEntries,
    faults: errors + warnings,
  });
  const [wanted, found] = [of(file), of(written)];
  for (const [name, count] of Object.entries(wanted)) {
    const there: unknown = Reflect.get(found, name);
    if (there === count) continue;
    throw new AgentFlowError("internal", `what was written is not what the backup holds: ${name}`, {
      reason: "restore_incomplete",
      details: { name, inBackup: count, written: there },
      suggestions: ["do it again: af restore FILE"],
    });
  }
}
