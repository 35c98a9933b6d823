/** Logs and spans as they travel: in batches on `af.tele.<tenant>.<source>`. May be lost, never blocks. */
import type { Instant, Json } from "./json.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Who said it: what `af logs` colours by. */
export const logSources = [
  "control-plane",
  "worker",
  "runner",
  "tool",
  "agent",
  "bus",
  "container",
  "cli",
] as const;
export type LogSource = (typeof logSources)[number];

/**
 * The place of a record among all of one process: within a writer the numbers grow by one, so that a reader
 * sees what it has already and what is missing. A process that starts again is another writer.
 */
export interface Numbered {
  readonly writer?: string;
  readonly seq?: number;
}

export interface LogRecord extends Numbered {
  readonly kind: "log";
  readonly at: Instant;
  readonly level: LogLevel;
  readonly source: LogSource;
  readonly message: string;
  /** Component, tool or agent name within the source. */
  readonly name?: string;
  readonly run?: string;
  readonly step?: string;
  readonly attempt?: number;
  readonly trace?: string;
  readonly span?: string;
  readonly worker?: string;
  readonly stream?: "stdout" | "stderr";
  readonly fields?: { readonly [key: string]: Json };
}

export interface SpanRecord extends Numbered {
  readonly kind: "span";
  readonly trace: string;
  readonly span: string;
  readonly parent?: string;
  readonly name: string;
  readonly startedAt: Instant;
  readonly ms: number;
  readonly ok: boolean;
  readonly run?: string;
  readonly step?: string;
  readonly attempt?: number;
  readonly attributes?: { readonly [key: string]: Json };
}

export interface TelemetryBatch {
  readonly v: 1;
  readonly kind: "tele";
  readonly source: string;
  /** Records that were dropped since the last batch because nobody could take them. */
  readonly dropped?: number;
  readonly records: readonly (LogRecord | SpanRecord)[];
}
