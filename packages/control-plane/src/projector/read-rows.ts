/** Plain rows that travel to and from the read model, also between threads: no classes, no functions. */
import type { Position } from "@agentflow/bus";
import type { ApprovalStatus, RunStatus, UsageGroup, UsageRow, UsageTotals } from "@agentflow/protocol";

/** What the commits since the last batch changed of one run's row. */
export interface RunDelta {
  readonly tenant: string;
  readonly run: string;
  revision: number;
  born?: RunBirth;
  status?: RunStatus;
  endedAtMs?: number;
  /** JSON of a failure. */
  failure?: string;
  /** JSON list of the step instances whose outcome nobody knows; "" when there are none any more. */
  unknown?: string;
  /** What people were asked and said, in order. */
  approvals?: ApprovalChange[];
  /** What steps of agents have used up. */
  usage?: UsageChange[];
}

export type ApprovalChange =
  | {
      readonly kind: "asked";
      readonly n: number;
      readonly step: string;
      readonly call?: string;
      /** JSON of what is shown. */
      readonly shown: string;
      readonly hash: string;
      readonly requestedAtMs: number;
      readonly expiresAtMs: number;
    }
  | {
      readonly kind: "closed";
      readonly n: number;
      readonly status: Exclude<ApprovalStatus, "open">;
      readonly atMs: number;
      readonly by?: string;
      readonly comment?: string;
    };

export type UsageChange =
  | { readonly kind: "agent"; readonly step: string; readonly agent: string; readonly atMs: number }
  | { readonly kind: "used"; readonly step: string; readonly usage: UsageTotals; readonly atMs: number };

/** A call of a model, number `n` of its journal: the same again is the same row. */
export interface ModelChange {
  readonly tenant: string;
  readonly run: string;
  readonly step: string;
  readonly n: number;
  readonly model: string;
  readonly atMs: number;
  readonly usage: UsageTotals;
}

export interface ApprovalRow {
  readonly run: string;
  readonly n: number;
  readonly workflow: string;
  readonly step: string;
  readonly call?: string;
  readonly status: ApprovalStatus;
  readonly shown: string;
  readonly hash: string;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly decidedAtMs?: number;
  readonly by?: string;
  readonly comment?: string;
}

/** Newest first, strictly behind `after`. */
export interface ApprovalQuery {
  readonly tenant: string;
  readonly status?: readonly ApprovalStatus[];
  readonly run?: string;
  readonly limit: number;
  readonly after?: ApprovalPlace;
}

export interface ApprovalPlace {
  readonly requestedAtMs: number;
  readonly run: string;
  readonly n: number;
}

export interface UsageQuery {
  readonly tenant: string;
  readonly by: UsageGroup;
  readonly sinceMs?: number;
  readonly limit: number;
}

export interface UsageSums {
  readonly rows: readonly UsageRow[];
  readonly total: UsageTotals;
}

export interface RunBirth {
  readonly workflow: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** The build whose workers take its tasks; absent where its start cannot be read. */
  readonly build?: string;
  /** JSON of the labels. */
  readonly labels?: string;
}

/** Runs of a tenant that have not ended, by the build they are on. */
export interface OpenOfBuild {
  readonly tenant: string;
  readonly build?: string;
  readonly count: number;
  readonly oldest: { readonly run: string; readonly startedAtMs: number };
}

export interface RunRow {
  readonly tenant: string;
  readonly run: string;
  readonly workflow: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly revision: number;
  readonly labels?: string;
  readonly failure?: string;
  readonly unknown?: string;
  readonly archive?: string;
}

/** A place in the order of live runs: behind this one. */
export interface LivePlace {
  readonly tenant: string;
  readonly run: string;
}

export interface LiveRun extends LivePlace {
  readonly status: RunStatus;
  readonly unknown?: string;
}

export interface RunQuery {
  readonly tenant: string;
  readonly status?: readonly RunStatus[];
  readonly workflow?: string;
  readonly labels?: readonly (readonly [string, string])[];
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly limit: number;
  /** Newest first: rows strictly behind this one. */
  readonly after?: RunPlace;
  /** Rows looked at for labels before a short page is given back. */
  readonly scanMax: number;
}

export interface RunPlace {
  readonly startedAtMs: number;
  readonly run: string;
}

export interface RunList {
  readonly rows: readonly RunRow[];
  /** Where the next page begins; absent when there is none. */
  readonly next?: RunPlace;
  /** What the rows hold of the log. */
  readonly position: Position | undefined;
}

/** `seq` is the record's place for good: the revision of its batch times 4,096, plus its number there. */
export interface TelemetryRow {
  readonly seq: number;
  readonly tenant: string;
  /** `gap` is a log record that says what was lost here: it is shown whatever is asked for. */
  readonly kind: "log" | "span" | "gap";
  readonly atMs: number;
  readonly level: number;
  readonly source: string;
  readonly run: string;
  readonly body: string;
}

export const recordsPerBatchMax = 4_096;

export interface TelemetryQuery {
  readonly tenant: string;
  readonly kind?: "log" | "span";
  readonly run?: string;
  readonly sources?: readonly string[];
  readonly levelMin?: number;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly grep?: string;
  /** Regular expressions that the text must match, and must not. */
  readonly match?: string;
  readonly exclude?: string;
  /** Lines of this agent, of this tool; of both where both are named. */
  readonly agent?: string;
  readonly tool?: string;
  /** Only of processes that another of the same name came after, the newest such of each name. */
  readonly previous?: boolean;
  readonly after: number;
  readonly limit: number;
  readonly newest: boolean;
  readonly scanMax: number;
}

export interface TelemetryList {
  readonly rows: readonly { readonly seq: number; readonly body: string }[];
  /** Everything up to here was looked at. */
  readonly seen: number;
  readonly dropped: number;
  /** Place of the newest record that was kept once and is no more. */
  readonly trimmed: number;
}

export interface ReadBatch {
  readonly runs: readonly RunDelta[];
  readonly models?: readonly ModelChange[];
  /** The log was read up to here. */
  readonly position: Position;
}

export interface TelemetryBatchRows {
  readonly rows: readonly TelemetryRow[];
  readonly dropped: number;
  readonly revision: number;
  readonly rowsMax: number;
  readonly olderThanMs: number;
}

export interface Checkpoint {
  /** Undefined before anything was read. */
  readonly position: Position | undefined;
  readonly telemetryRevision: number;
}

export type StatusCounts = readonly {
  readonly tenant: string;
  readonly status: string;
  readonly count: number;
}[];

/** Runs that leave the log: their rows keep the archive's key. */
export interface ArchiveMark {
  readonly tenant: string;
  readonly archive: string;
  readonly runs: readonly string[];
  /** What their rows should say, where the read model may have lost them. */
  readonly rows?: readonly RunDelta[];
}

/** Runs that are gone: those named; or all of an archive, which is forgotten with them. */
export type ForgottenRuns =
  | { readonly tenant: string; readonly runs: readonly string[] }
  | { readonly tenant: string; readonly archive: string; readonly runs: readonly string[] | undefined };

export interface EndedQuery {
  readonly endedBeforeMs: number;
  /** Runs beyond so many ended ones leave too, oldest first. */
  readonly keepMax: number;
  readonly limit: number;
}
