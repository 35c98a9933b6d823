/** The conditions of a query on records that do not come from the server, or come from containers. */
import { type LogRecord, logLevels } from "@agentflow/protocol";
import type { TelemetryQuery } from "@agentflow/sdk/client";
import type { Extras } from "./run-lines.ts";

export type TextTest = (text: string) => boolean;

/** What a query asks of a record; the expressions come ready, see `local/pattern.ts`. */
export interface Conditions {
  readonly asked: TelemetryQuery;
  readonly match?: TextTest;
  readonly exclude?: TextTest;
}

/** The same conditions as on the server. */
export function suits(record: LogRecord, { asked, match, exclude }: Conditions): boolean {
  const { level, since, until, source, run, agent, tool } = asked;
  if (source !== undefined && !source.split(",").includes(record.source)) return false;
  if (run !== undefined && record.run !== run) return false;
  if (level !== undefined && rankOf(record.level) < rankOf(level)) return false;
  if ((agent !== undefined || tool !== undefined) && !isNamed(record, { agent, tool })) return false;
  const atMs = Date.parse(record.at);
  if (since !== undefined && atMs < Date.parse(since)) return false;
  if (until !== undefined && atMs >= Date.parse(until)) return false;
  return (match?.(record.message) ?? true) && !(exclude?.(record.message) ?? false);
}

/** Whether some records are not shown. */
export function isNarrowed({ asked, match, exclude }: Conditions): boolean {
  const { level, since, until, source, run, agent, tool } = asked;
  const told = [level, since, until, source, run, agent, tool, match, exclude];
  return told.some((condition) => condition !== undefined);
}

/** Whether lines made from the histories of runs are wanted at all. */
export function asksForRuns({ source, agent, tool }: TelemetryQuery, { bus }: Pick<Extras, "bus">): boolean {
  if (agent !== undefined || tool !== undefined) return false;
  const sources = source?.split(",");
  return sources === undefined || sources.includes("control-plane") || (bus && sources.includes("bus"));
}

function isNamed(
  { source, name }: LogRecord,
  { agent, tool }: { readonly agent: string | undefined; readonly tool: string | undefined },
): boolean {
  if (name === undefined) return false;
  return (source === "agent" && name === agent) || (source === "tool" && name === tool);
}

function rankOf(level: string): number {
  return logLevels.findIndex((one) => one === level);
}
