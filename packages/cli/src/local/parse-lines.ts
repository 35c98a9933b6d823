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

/** Where a nats-server listens. */
export interface Ports {
  readonly url: string;
  readonly monitor: string;
}

/** Throws when the file is half written; undefined while it does not say all. */
export function parsePorts(text: string): Ports | undefined {
  const { nats, monitoring } = JSON.parse(text) as { [kind: string]: readonly string[] | undefined };
  const [url] = nats ?? [];
  const [monitor] = monitoring ?? [];
  return url === undefined || monitor === undefined ? undefined : { url, monitor };
}
