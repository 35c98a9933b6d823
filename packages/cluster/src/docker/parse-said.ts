/** Why a part does not get on, from the records that it prints: what it says itself is the best reason. */
import { isTelemetryRecord } from "@agentflow/protocol";

export interface Said {
  /** `the bus is not there yet; trying again: NATS says "…"`. */
  readonly why: string;
  /** What it says would help. */
  readonly next: readonly string[];
}

/** Of the last record that is a warning or worse; nothing when the lines hold none. */
export function parseSaid(lines: readonly string[]): Said | undefined {
  for (const line of lines.toReversed()) {
    const said = parseRecord(line);
    if (said !== undefined) return said;
  }
  return undefined;
}

const troubled: ReadonlySet<string> = new Set(["warn", "error", "fatal"]);

function parseRecord(line: string): Said | undefined {
  if (!line.startsWith("{")) return undefined;
  const record = parseJson(line);
  if (!isTelemetryRecord(record) || record.kind !== "log" || !troubled.has(record.level)) return undefined;
  const { why, next } = record.fields ?? {};
  return {
    why: typeof why === "string" ? `${record.message}: ${why}` : record.message,
    next: Array.isArray(next) ? next.filter((one) => typeof one === "string") : [],
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
