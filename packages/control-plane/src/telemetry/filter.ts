/**
 * What is asked of logs and spans, as the read model is asked, and the same conditions for what just
 * came.
 */
import { type LogRecord, type SpanRecord, type TenantId, unixMs } from "@agentflow/protocol";
import type { TelemetryFilter } from "../engine-api.ts";
import { invalidCursor } from "../projector/cursor.ts";
import type { TelemetryQuery, TelemetryRow } from "../projector/read-rows.ts";
import { textTest } from "../projector/text-test.ts";
import { levelRank } from "./parse-telemetry.ts";

/** A record that just came, as it is kept. */
export interface Fresh {
  readonly row: TelemetryRow;
  readonly record: LogRecord | SpanRecord;
}

const scanMax = 50_000;
export const pageMax = 1_000;

/** Throws `invalid_input` for an expression or a cursor that is none. */
export function toQuery(tenant: TenantId, filter: TelemetryFilter): TelemetryQuery {
  const { kind, run, source, level, since, until, grep, match, exclude, agent, tool, previous } = filter;
  const optional: { -readonly [K in keyof TelemetryQuery]?: TelemetryQuery[K] } = {};
  if (kind !== undefined) optional.kind = kind;
  if (run !== undefined) optional.run = run;
  if (source !== undefined) optional.sources = source;
  if (level !== undefined) optional.levelMin = levelRank(level);
  if (since !== undefined) optional.sinceMs = unixMs(since);
  if (until !== undefined) optional.untilMs = unixMs(until);
  if (grep !== undefined) optional.grep = grep.slice(0, 200);
  if (match !== undefined) optional.match = match;
  if (exclude !== undefined) optional.exclude = exclude;
  if (agent !== undefined) optional.agent = agent;
  if (tool !== undefined) optional.tool = tool;
  if (previous !== undefined) optional.previous = previous;
  textTest(optional);
  const limit = Math.min(Math.max(filter.limit ?? 200, 1), pageMax);
  const after = filter.after === undefined ? 0 : readSeq(filter.after);
  return { tenant, ...optional, after, limit, newest: filter.newest ?? false, scanMax };
}

/** The same conditions as the read model's, but for those on processes: what just came is of the newest. */
export function conditionOf(query: TelemetryQuery): (fresh: Fresh) => boolean {
  const suits = textTest(query);
  const { kind, run, levelMin = -1, sinceMs = -Infinity, untilMs = Infinity, agent, tool } = query;
  const sources = new Set(query.sources ?? []);
  const isNamed = agent !== undefined || tool !== undefined;
  return ({ row, record }) => {
    if (row.tenant !== query.tenant || row.atMs < sinceMs || row.atMs >= untilMs) return false;
    if (row.kind === "gap") return true;
    if (kind !== undefined && row.kind !== kind) return false;
    if (run !== undefined && row.run !== run) return false;
    if (row.level < levelMin || (sources.size > 0 && !sources.has(row.source))) return false;
    if (isNamed && !isOf(row.source, record.name, { agent, tool })) return false;
    return suits === undefined || suits(record.kind === "log" ? record.message : record.name);
  };
}

function isOf(
  source: string,
  name: string | undefined,
  { agent, tool }: { readonly agent: string | undefined; readonly tool: string | undefined },
): boolean {
  if (name === undefined) return false;
  return (source === "agent" && name === agent) || (source === "tool" && name === tool);
}

export function showSeq(seq: number): string {
  return `t${seq.toString(36)}`;
}

export function readSeq(cursor: string): number {
  if (cursor === "") return 0;
  if (!/^t[0-9a-z]{1,11}$/.test(cursor)) throw invalidCursor(cursor);
  return Number.parseInt(cursor.slice(1), 36);
}
