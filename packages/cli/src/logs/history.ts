/** The history of one run, page by page. */
import type { RunEventView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

const pageMax = 1_000;

interface RunEvents {
  readonly events: readonly RunEventView[];
  readonly cursor: string;
}

/** The whole history of a run, however long it is, and where it goes on. */
export async function eventsOf(runs: Pick<Client["runs"], "events">, run: string): Promise<RunEvents> {
  const events: RunEventView[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await runs.events(run, { limit: pageMax, ...(after === undefined ? {} : { after }) });
    for (const event of page.events) events.push(event);
    if (page.events.length < pageMax) return { events, cursor: page.cursor };
    after = page.cursor;
  }
}
