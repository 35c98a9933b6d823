import type { Log, LogEntry, Revision } from "@agentflow/bus";
import type { Subject } from "@agentflow/protocol";

/**
 * What a whole stream of one lane holds behind `after` and up to its end at the call, at most `max` records
 * of it. `visit` says whether it wants more.
 */
export async function readUpToHead(
  log: Log,
  of: { readonly prefix: Subject; readonly after: Revision; readonly max: number },
  visit: (entries: readonly LogEntry[]) => boolean,
): Promise<void> {
  const head = await log.head(of.prefix);
  if (head <= of.after) return;
  const stop = new AbortController();
  let seen = 0;
  for await (const batch of log.tail({ filter: [of.prefix], after: of.after, signal: stop.signal })) {
    seen += batch.length;
    const goOn = visit(batch);
    if (!goOn || seen >= of.max || (batch.at(-1)?.revision ?? head) >= head) stop.abort();
  }
}
