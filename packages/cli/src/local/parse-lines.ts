/** The doors for what other processes of ours wrote: a line of the log, the file of a running `af dev`. */
import type { LogRecord } from "@agentflow/protocol";
import type { DevOptions } from "./dev-options.ts";
import type { DevFile } from "./paths.ts";

export function parseLogRecord(line: string): LogRecord {
  return JSON.parse(line) as LogRecord;
}

/** What the process that read the command line tells the one that takes its place. */
export function parseDevOptions(text: string): Omit<DevOptions, "write"> {
  return JSON.parse(text) as Omit<DevOptions, "write">;
}

/** Throws when it is half written. */
export function parseDevFile(text: string): DevFile {
  return JSON.parse(text) as DevFile;
}
