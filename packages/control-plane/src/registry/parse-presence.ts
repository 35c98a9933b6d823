import { isId, type WorkerPresence } from "@agentflow/protocol";

/** A worker's row; undefined for one that this build does not know: it is skipped, never guessed at. */
export function parsePresence(text: string): WorkerPresence | undefined {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof row !== "object" || row === null || !("v" in row) || row.v !== 1) return undefined;
  const presence = row as WorkerPresence;
  const named = isId("worker", presence.worker) && isId("tenant", presence.tenant);
  const placed = isId("pool", presence.pool) && isId("build", presence.build);
  const counted = Number.isSafeInteger(presence.slots) && presence.slots >= 0 && presence.slots <= 100_000;
  const told = Array.isArray(presence.busy) && !Number.isNaN(Date.parse(presence.seenAt));
  return named && placed && counted && told ? presence : undefined;
}
