/** What is left of a run of faults, as files in one folder: all that the checker looks at. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Commit } from "@agentflow/protocol";
import { parseLines } from "./parse-evidence.ts";

/** A commit as the log keeps it. */
export interface Stored {
  readonly run: string;
  readonly sequence: number;
  /** The sequence behind which its writer wanted it; null when it wrote without asking. */
  readonly fence: number | null;
  readonly atMs: number;
  readonly commit: Commit;
}

/** A history as the API tells it. */
export interface ViewLine {
  readonly run: string;
  readonly events: readonly (readonly [revision: number, n: number, kind: string])[];
  readonly missing?: string;
}

/** What a client was told, or complained of. */
export interface ToldLine {
  readonly run?: string;
  readonly accepted?: true;
  readonly output?: number;
  readonly resolved?: "done" | "retry";
  readonly complaint?: string;
}

/** One call of a tool, written before it did its work. */
export interface CallLine {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly callId: string;
  readonly atMs: number;
}

/** The queue lost what it held: its old life was last seen at the first, the new one at the second. */
export interface QueueLoss {
  readonly lostAfterMs: number;
  readonly newByMs: number;
}

export interface Evidence {
  readonly log: readonly Stored[];
  /** Undefined when nobody asked the API. */
  readonly views: readonly ViewLine[] | undefined;
  readonly told: readonly ToldLine[];
  readonly calls: readonly CallLine[];
  readonly losses: readonly QueueLoss[];
}

export const evidenceFiles = {
  log: "log.jsonl",
  views: "views.jsonl",
  told: "told.jsonl",
  calls: "ledger.jsonl",
  losses: "queue.jsonl",
} as const;

export function readEvidence(dir: string): Evidence {
  const read = (file: string): string | undefined => {
    const where = path.join(dir, file);
    return existsSync(where) ? readFileSync(where, "utf8") : undefined;
  };
  const { log, views, told, calls, losses } = evidenceFiles;
  const seen = read(views);
  return {
    log: parseLines<Stored>(read(log) ?? ""),
    views: seen === undefined ? undefined : parseLines<ViewLine>(seen),
    told: parseLines<ToldLine>(read(told) ?? ""),
    calls: parseLines<CallLine>(read(calls) ?? ""),
    losses: parseLines<QueueLoss>(read(losses) ?? ""),
  };
}
