/** A run's recording from an installation: history, journals and, when asked for, what was told of it. */
import {
  AgentFlowError,
  type JournalPage,
  type JournalView,
  type LogRecord,
  type RunEventView,
  type SpanRecord,
} from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import type { Recording } from "./recording.ts";

export interface ReadOptions {
  readonly client: Client;
  readonly run: string;
  /** A page of the run's journals. */
  readonly journalPage: (after: string | undefined) => Promise<JournalPage>;
  /** Logs, spans and the explanation too. */
  readonly whole: boolean;
}

const pageSize = 500;
/** So many events can be stepped through; longer histories end there, and the command says so. */
export const eventsMax = 20_000;
const recordsMax = 5_000;

export async function readRun(options: ReadOptions): Promise<Recording & { readonly cut: boolean }> {
  const { client, run, whole } = options;
  const view = await client.runs.get(run);
  const [events, journals, plan] = await Promise.all([
    allEvents(client, run),
    allJournals(options),
    client.runs.plan(run).catch(absent),
  ]);
  return {
    run: view,
    events,
    journals,
    telemetry: whole ? await allTelemetry(client, run) : [],
    from: "",
    cut: events.length >= eventsMax,
    ...(plan === undefined ? {} : { plan }),
    ...(whole ? { why: await client.runs.why(run) } : {}),
  };
}

async function allEvents(client: Client, run: string): Promise<RunEventView[]> {
  const events: RunEventView[] = [];
  let after = "";
  while (events.length < eventsMax) {
    const page = await client.runs.events(run, { limit: pageSize, ...(after === "" ? {} : { after }) });
    // The cursor of the page before: there was no more.
    if (page.events.length === 0 || page.cursor === after) break;
    events.push(...page.events);
    after = page.cursor;
  }
  return events.slice(0, eventsMax);
}

async function allJournals({ journalPage }: ReadOptions): Promise<JournalView[]> {
  const records: JournalView[] = [];
  let after: string | undefined;
  while (records.length < eventsMax) {
    const page = await journalPage(after).catch(absent);
    if (page === undefined) break;
    records.push(...page.records);
    if (page.cursor === undefined || page.cursor === after) break;
    after = page.cursor;
  }
  return records.slice(0, eventsMax);
}

async function allTelemetry(client: Client, run: string): Promise<(LogRecord | SpanRecord)[]> {
  const records: (LogRecord | SpanRecord)[] = [];
  let after: string | undefined;
  while (records.length < recordsMax) {
    const page = await client.telemetry.query({
      run,
      limit: pageSize,
      ...(after === undefined ? {} : { after }),
    });
    records.push(...page.records);
    if (page.records.length < pageSize || page.cursor === after) break;
    after = page.cursor;
  }
  return records.slice(0, recordsMax);
}

/** An installation of an older release has no such path, and a plan may not be stored any more. */
function absent(error: unknown): undefined {
  if (AgentFlowError.is(error) && error.code === "not_found") return undefined;
  throw error;
}
