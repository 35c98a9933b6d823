import type { Log, LogEntry, Revision } from "@agentflow/bus";
import type { Subject } from "@agentflow/protocol";

/** What a whole stream of one lane holds behind `after` and up to its end at the call. */
export async function readUpToHead(
  log: Pick<Log, "head" | "tail">,
  of: { readonly prefix: Subject; readonly after: Revision },
  visit: (entries: readonly LogEntry[]) => void,
): Promise<void> {
  const head = await log.head(of.prefix);
  if (head <= of.after) return;
  const stop = new AbortController();
  for await (const batch of log.tail({ filter: [of.prefix], after: of.after, signal: stop.signal })) {
    visit(batch);
    if ((batch.at(-1)?.revision ?? head) >= head) stop.abort();
  }
}
