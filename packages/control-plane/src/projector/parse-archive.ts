import { AgentFlowError, type Instant, isId, type RunId, type StepInstance } from "@agentflow/protocol";

/** Ended runs of one tenant and shard, whole, as one file. */
export interface ArchiveFile {
  readonly v: 1;
  readonly kind: "archive";
  readonly runs: readonly ArchivedRun[];
}

export interface ArchivedRun {
  readonly run: RunId;
  /** Revision, instant and text of each commit, as the log had it. */
  readonly commits: readonly (readonly [revision: number, atMs: number, body: string])[];
  /** The journals of its agent steps, in the order of the log; left out where there are none. */
  readonly journal?: readonly (readonly [step: StepInstance, revision: number, atMs: number, body: string])[];
}

/** Every record of the run, of its history and of its journals. */
export function bodiesOf({ commits, journal = [] }: ArchivedRun): readonly string[] {
  return [...commits.map(([, , body]) => body), ...journal.map(([, , , body]) => body)];
}

/** The row in Table that an archive leaves: which runs it holds, 8 bytes of each id's hash. */
export interface ArchiveRow {
  readonly v: 1;
  readonly blob: string;
  readonly ids: string;
  /** When its runs left the log: it is kept for so long from then on. */
  readonly at?: Instant;
  /** Until it says so, some of its runs may still be in the log as well. */
  readonly purged?: true;
}

export function parseArchive(text: string): ArchiveFile {
  const file: unknown = JSON.parse(text);
  const known = typeof file === "object" && file !== null && "v" in file && file.v === 1 && "runs" in file;
  if (known && Array.isArray(file.runs)) return file as unknown as ArchiveFile;
  throw new AgentFlowError("internal", "the archive is of another version", {
    reason: "archive_incompatible",
  });
}

export function parseArchiveRow(text: string): ArchiveRow | undefined {
  const row: unknown = JSON.parse(text);
  if (typeof row !== "object" || row === null || !("v" in row) || row.v !== 1) return undefined;
  return "blob" in row && "ids" in row ? (row as unknown as ArchiveRow) : undefined;
}

/** `archived.<shard>.<tenant>.<batch>`. */
export function tenantOfRow(key: string) {
  const tenant = key.split(".")[2];
  return isId("tenant", tenant) ? tenant : undefined;
}
