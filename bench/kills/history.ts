/** Reads the histories of accepted runs and says what in them breaks a promise. Knows nothing of the core. */
import type { RunEventView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ledgerSteps } from "../embedded/project.ts";

export interface History {
  readonly run: string;
  readonly events: readonly RunEventView[];
}

export async function readHistory(client: Client, run: string): Promise<History> {
  const events: RunEventView[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await client.runs.events(run, { limit: 1_000, ...(after === undefined ? {} : { after }) });
    events.push(...page.events);
    if (page.events.length === 0 || page.cursor === after) return { run, events };
    after = page.cursor;
  }
}

/** Faults of one run, each a sentence; none when its history is whole. */
export function faultsOf({ run, events }: History): string[] {
  return [...orderFaults(events), ...endFaults(events), ...stepFaults(events)].map(
    (fault) => `${run}: ${fault}`,
  );
}

function orderFaults(events: readonly RunEventView[]): string[] {
  const faults: string[] = [];
  if (events[0]?.event.kind !== "run_started") faults.push("its history does not begin with run_started");
  for (const [i, event] of events.entries()) {
    const before = events[i - 1];
    if (before === undefined) continue;
    const sameCommit = event.revision === before.revision && event.n === before.n + 1;
    const nextCommit = event.revision > before.revision && event.n === 0;
    if (!sameCommit && !nextCommit) {
      faults.push(`a hole between (${before.revision}, ${before.n}) and (${event.revision}, ${event.n})`);
    }
  }
  return faults;
}

function endFaults(events: readonly RunEventView[]): string[] {
  const ends = events.filter(({ event }) => /^run_(completed|failed|cancelled)$/.test(event.kind));
  if (ends.length !== 1) return [`${ends.length} endings`];
  const [end] = ends;
  if (end?.event.kind !== "run_completed") return [`it ended as ${end?.event.kind ?? "nothing"}`];
  return events.at(-1) === end ? [] : ["events after its end"];
}

/** Exactly one result a step, each the one before plus one: nothing skipped, nothing doubled. */
function stepFaults(events: readonly RunEventView[]): string[] {
  const faults: string[] = [];
  for (let i = 0; i < ledgerSteps; i++) {
    const results = events.flatMap(({ event }) =>
      event.kind === "step_succeeded" && event.step === `s${i}` ? [event.output] : [],
    );
    if (results.length !== 1) faults.push(`step s${i} has ${results.length} results`);
    const wanted = JSON.stringify({ inline: { n: i + 1 } });
    const wrong = results.find((output) => JSON.stringify(output) !== wanted);
    if (wrong !== undefined) faults.push(`step s${i} gave ${JSON.stringify(wrong)}, not ${wanted}`);
  }
  return faults;
}
