/**
 * A line that a process of ours printed: the same record that travels on the bus, known by writer and
 * number.
 */
import { isTelemetryRecord, type LogRecord } from "@agentflow/protocol";

export interface Printed {
  readonly writer?: string;
  readonly seq?: number;
  /** The record itself: undefined when it is a span, or no record after all. */
  readonly ours?: () => LogRecord | undefined;
}

const head = /^\{"writer":"([^"\\]{1,120})","seq":(\d{1,15}),/;

/** Most such lines are not needed, for they came over the bus: only their beginning is read. */
export function parsePrinted(text: string): Printed {
  const found = head.exec(text);
  if (found === null) return {};
  const [, writer = "", seq = ""] = found;
  return { writer, seq: Number(seq), ours: () => recordOf(text) };
}

function recordOf(text: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isTelemetryRecord(value) && value.kind === "log" ? value : undefined;
  } catch {
    return undefined;
  }
}
