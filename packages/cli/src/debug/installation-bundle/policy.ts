/** What of an installation may stand in a file that is given away, when nobody asked for values. */
import { toJson } from "../parse-json.ts";
import type { Json, LogRecord, LogSource } from "@agentflow/protocol";
import { leaveContentOut } from "../bundle/strip.ts";

export const leftOut = "(left out)";

/** Lines of these are ours and speak of runs by id; what the others say is the users' own. */
const ours: ReadonlySet<LogSource> = new Set(["control-plane", "worker", "bus", "cli"]);

/** A line without what users' code printed. Its place and level stay. */
export function quietRecord(record: LogRecord): LogRecord {
  if (ours.has(record.source)) return record;
  const { fields: _, ...rest } = record;
  return { ...rest, message: leftOut };
}

/** A line that a container printed: ours are JSON, and a server of somebody else's knows no inputs. */
export function quietLine(line: string, part: string): string {
  if (part === "nats" || part === "keys") return line;
  const source = sourceOf(line);
  return source !== undefined && ours.has(source) ? line : leftOut;
}

function sourceOf(line: string): LogSource | undefined {
  const named = /"source":"([a-z-]+)"/.exec(line)?.[1];
  return line.startsWith("{") ? [...ours].find((source) => source === named) : undefined;
}

/** Keys that stand for what people chose: labels, descriptions, texts of failures, addresses of a machine. */
const chosen: ReadonlySet<string> = new Set(["labels", "description", "hint", "frame", "fields", "details"]);

/** The same shape without inputs, outputs, messages, and without what people wrote of their own. */
export function quiet(value: object): Json {
  return withoutChosen(leaveContentOut(toJson(value)));
}

function withoutChosen(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutChosen);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !chosen.has(key));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutChosen(inner)]));
}
