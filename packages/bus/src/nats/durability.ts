/** What a person should know of how safe an answer is, as far as it can be known. */
import { parseIllness, parseSync } from "./parse-answers.ts";
import type { Layout } from "./streams.ts";

const askMs = 2_000;
const illnessCharsMax = 300;

export async function durabilityOf(layout: Layout, monitor: string | undefined): Promise<string> {
  const copies = layout.replicas === 1 ? "one copy" : `${layout.replicas} copies`;
  return `${await syncOf(monitor)}; ${copies}; tasks in memory, made again from the log`;
}

/** What the server's own look at itself says is wrong; undefined where it says nothing. */
export async function illnessOf(monitor: string | undefined): Promise<string | undefined> {
  if (monitor === undefined) return undefined;
  try {
    const answer = await fetch(`${monitor}/healthz`, { signal: AbortSignal.timeout(askMs) });
    return parseIllness(await answer.json())?.slice(0, illnessCharsMax);
  } catch {
    return undefined;
  }
}

/** When the server writes to its disk, in words; it says so at its monitor alone. */
export async function syncOf(monitor: string | undefined): Promise<string> {
  const unknown = "written, when on disk is not known";
  if (monitor === undefined) return unknown;
  try {
    const answer = await fetch(`${monitor}/jsz?config=true`, { signal: AbortSignal.timeout(askMs) });
    const { always, intervalMs } = parseSync(await answer.json());
    if (always) return "fsync before each answer";
    return intervalMs === undefined ? unknown : `written, on disk within ${Math.round(intervalMs / 1_000)} s`;
  } catch {
    return unknown;
  }
}
