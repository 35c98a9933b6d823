/** One writer at a time for the files of a user, across processes. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export async function underLock<T>(file: string, what: string, work: () => T): Promise<T> {
  const { withLock } = await import("@agentflow/host/secrets");
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  return withLock(file, { pause, what }, work);
}
