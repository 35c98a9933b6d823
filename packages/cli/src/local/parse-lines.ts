/** The doors for what other processes of ours wrote: a line of the log, the file of a running `af dev`. */
import type { LogRecord } from "@agentflow/protocol";
import type { DevFile } from "./paths.ts";

export function parseLogRecord(line: string): LogRecord {
  return JSON.parse(line) as LogRecord;
}

/** Throws when it is half written. */
export function parseDevFile(text: string): DevFile {
  return JSON.parse(text) as DevFile;
}
