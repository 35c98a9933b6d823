/** Log records in the form that was asked for. */
import type { LogRecord } from "@agentflow/protocol";
import type { ShownRecord } from "./container-follow.ts";
import type { Output } from "../output/output.ts";
import { dim } from "../output/text.ts";
import { logText, logfmt } from "./log-line.ts";

export type LogForm = "short" | "json" | "logfmt";

/** All records of a call leave as one piece. */
export function printer(output: Output, form: LogForm | undefined): (records: readonly LogRecord[]) => void {
  const print = printOne(output, form);
  return (records) => output.together(() => records.forEach(print));
}

function printOne(output: Output, form: LogForm | undefined): (record: LogRecord) => void {
  if (output.json) return ({ kind, ...record }) => output.record(kind, record);
  if (form === "json") return (record) => output.compact(record);
  if (form === "logfmt") return (record) => output.line(logfmt(record));
  // Which worker it was matters from the second one on.
  const workers = new Set<string>();
  return (record: ShownRecord) => {
    if (record.worker !== undefined && workers.size < 2) workers.add(record.worker);
    const lines = logText(record, { workers: workers.size > 1 });
    for (const line of lines) output.line(record.raw === true ? [dim("raw "), line] : line);
  };
}
