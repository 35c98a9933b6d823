/** Logs and spans as they travel: in batches on `af.tele.<tenant>.<source>`. May be lost, never blocks. */
import type { Instant, Json } from "./json.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Who said it: what `af logs` colours by. */
export const logSources = ["control-plane", "worker", "runner", "tool", "agent", "bus", "cli"] as const;
export type LogSource = (typeof logSources)[number];

export interface LogRecord {
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

export interface SpanRecord {
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
