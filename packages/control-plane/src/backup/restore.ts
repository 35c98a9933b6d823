/** A backup into an empty installation, over the ports; what was cut off goes on. */
import type { Bus } from "@agentflow/bus";
import { AgentFlowError } from "@agentflow/protocol";
import { copyInstallation } from "./copy.ts";
import { decodeBackup } from "./decode.ts";
import { type BackupReport, examine, isLeft, type LeftRuns } from "./examine.ts";
import { Hold, type HoldOptions, refuseFull } from "./hold.ts";
import { torn } from "./parse-record.ts";
import type { BackupCounts, BackupEnd, BackupRecord } from "./records.ts";
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

export interface RestoreOptions extends HoldOptions {
  readonly program: string;
  readonly node: string;
  /** Goes on although the file's check found errors. */
  readonly acceptFaults: boolean;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

/** Records of so many: of the file while it is checked and written, of the installation once it is read. */
export interface RestoreProgress {
  readonly stage: "checking" | "writing" | "reading";
  readonly done: number;
  readonly total: number;
}

export interface Restored {
  readonly file: BackupReport;
  /** What the installation holds, read again from it. */
  readonly written: BackupReport;
  /** An earlier restore of this backup was cut off, and this one went on from there. */
  readonly resumed: boolean;
}

/**
 * Checks the file, writes it, and reads all of it again. Until that is done a mark stands in Table, and no
 * control plane serves what is there. Cut off at any point it is called again, with the same file.
 */
export async function restoreBackup(open: OpenFile, options: RestoreOptions): Promise<Restored> {
  const { left, installation, counts, sha256 } = await surveyBackup(open);
  const total = recordsOf(counts);
  const wanted = { installation, sha256, total };
  await refuseFull(options, wanted);
  const count = counter(options, total);
  const file = await examine(count("checking", decodeBackup(open())), left);
  if (file.errors > 0 && !options.acceptFaults) throw faulty(file);
  const hold = await Hold.take(options, wanted);
  try {
    const signal = AbortSignal.any([options.signal, hold.lost]);
    await write(count("writing", decodeBackup(open())), { bus: options.bus, left, hold });
    const copy = copyInstallation({ ...options, signal, telemetry: file.head.telemetry });
    const written = await examine(count("reading", copy));
    checkWritten(file, written);
    await hold.check();
    await hold.release();
    return { file, written, resumed: hold.resumes };
  } catch (error) {
    await hold.pause();
    if (hold.lost.aborted) throw hold.lost.reason;
    throw error;
  }
}

async function write(
  records: AsyncIterable<BackupRecord>,
  of: { bus: Bus; left: LeftRuns; hold: Hold },
): Promise<void> {
  const { bus, left, hold } = of;
  const writer = new Writer(bus, hold);
  for await (const record of records) {
    await hold.check();
    if (record.kind !== "entry" || !isLeft(left, record)) await writer.add(record);
    hold.done = writer.done;
  }
  await writer.flush();
  hold.done = writer.done;
}

function recordsOf({ log, dead, audit, tele, rows }: BackupCounts): number {
  return log + dead + audit + tele + rows;
}

const tellEvery = 500;

/** Passes records on, and says now and then how many they were. */
function counter({ onProgress }: RestoreOptions, total: number) {
  return async function* counted<T extends BackupRecord>(
    stage: RestoreProgress["stage"],
    records: AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    let done = 0;
    for await (const record of records) {
      yield record;
      if ((record.kind === "entry" || record.kind === "row") && ++done % tellEvery === 0) {
        onProgress?.({ stage, done: Math.min(done, total), total });
      }
    }
    onProgress?.({ stage, done: total, total });
  };
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
