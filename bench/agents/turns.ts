/** From a journal: what each turn of an agent cost beside the model and its tools. */
import type { JournalView, TurnEvent } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

/** Milliseconds of each turn that has a next: from one model call to the next, model and tools left out. */
export function turnOverheads(records: readonly JournalView[]): number[] {
  const events = records.flatMap(({ record }) => record.events);
  const starts = events.flatMap((event, i) => (event.kind === "model_called" ? [i] : []));
  return starts.flatMap((at, i) => {
    const next = starts[i + 1];
    const [from, to] = [events[at], events[next ?? -1]];
    if (next === undefined || from === undefined || to === undefined) return [];
    const within = events.slice(at, next);
    return [Math.max(0, Date.parse(to.at) - Date.parse(from.at) - outsideMs(within))];
  });
}

/** Calls of one turn run side by side: the longest counts. */
function outsideMs(events: readonly TurnEvent[]): number {
  const model = events.reduce((sum, event) => sum + (event.kind === "model_replied" ? event.ms : 0), 0);
  const calls = events.flatMap((event) =>
    event.kind === "call_returned" || event.kind === "call_failed" ? [event.ms] : [],
  );
  return model + Math.max(0, ...calls);
}

/** Those of many runs. */
export async function overheadsOf(client: Client, runs: readonly string[]): Promise<number[]> {
  const all: number[] = [];
  for (const run of runs) {
    const { records } = await client.runs.journal(run, { limit: 1_000 });
    all.push(...turnOverheads(records));
  }
  return all;
}
