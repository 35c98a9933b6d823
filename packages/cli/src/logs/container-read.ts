/** What containers have printed so far, as records that match. */
import type { ContainerTimes } from "@agentflow/cluster";
import type { LogRecord } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { type Conditions, suits } from "./conditions.ts";
import { type ContainerPlace, type Output, outputOf } from "./containers.ts";
import { openLines } from "./line-source.ts";
import { Seen } from "./seen.ts";

export interface ContainerReading {
  readonly place: ContainerPlace;
  readonly conditions: Conditions;
  readonly tail: number;
  readonly redact: (text: string) => string;
  /** Records of our processes too: while nobody else tells of them. */
  readonly raw: boolean;
}

export interface ContainerPage {
  readonly records: readonly LogRecord[];
  /** Where to go on. */
  readonly behind: ContainerTimes;
  /** What our processes printed last: it may be on its way over the bus, or never leave. */
  readonly latest: readonly Output[];
}

/** A process that still runs has sent by then what it printed before. */
const onTheWayMs = 3_000;
const storedMax = 1_000;

/** Those that the control plane has not stored. */
export async function notStored(client: Client, latest: readonly Output[]): Promise<readonly Output[]> {
  if (latest.length === 0) return [];
  const { records } = await client.telemetry.query({ limit: storedMax, newest: true });
  const stored = new Seen();
  for (const record of records) stored.take(record);
  return latest.filter(({ writer, seq }) => writer !== undefined && (seq ?? 0) > stored.lastOf(writer));
}

/** In the order of each container. Throws when engine or cluster does not answer. */
export async function readContainers(of: ContainerReading): Promise<ContainerPage> {
  const { place, conditions, tail, redact, raw } = of;
  const { since, previous } = conditions.asked;
  const source = await openLines(place);
  try {
    const lines = await source.read({
      tail: Math.max(tail, 1),
      ...(since === undefined ? {} : { sinceMs: Date.parse(since) }),
      ...(previous === undefined ? {} : { previous }),
    });
    const outputs = lines.map((line) => ({ ...outputOf(line, redact), timeMs: Date.parse(line.time) }));
    const newestMs = outputs.reduce((newest, { timeMs }) => Math.max(newest, timeMs), 0);
    const isLatest = (output: (typeof outputs)[number]): boolean =>
      output.writer !== undefined && output.timeMs > newestMs - onTheWayMs;
    const records = outputs.flatMap((output) => {
      const record = raw || output.writer === undefined ? output.record() : undefined;
      if (record === undefined || !suits(record, conditions)) return [];
      return [raw ? { ...record, raw } : record];
    });
    return {
      records,
      behind: new Map(lines.map(({ id, time }) => [id, time])),
      latest: raw ? [] : outputs.filter(isLatest),
    };
  } finally {
    source.close();
  }
}
