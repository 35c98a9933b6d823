/** Journals that nothing leads to any more leave the log: of runs that are gone, and superseded memories. */
import type { Log } from "@agentflow/bus";
import type { Log as HostLog } from "@agentflow/host/log";
import {
  parseLogSubject,
  prefixes,
  type RunId,
  runIdTime,
  type Subject,
  type TenantId,
} from "@agentflow/protocol";
import { runSubject } from "../orchestrator/shard.ts";
import type { ReadStore } from "./read-store.ts";

export interface StrayParts {
  readonly log: Log;
  readonly store: ReadStore;
  readonly say: HostLog;
  readonly stopped: AbortSignal;
}

const memoryStep = "memory";

/**
 * Can be broken off at any point. What a session remembers lies under a run id of no time that no run has: of
 * it the newest record is kept, for ever. (Ids that are made of request keys have no time either.)
 */
export async function purgeStrayJournals(parts: StrayParts): Promise<void> {
  const { log, say, stopped } = parts;
  let [orphans, superseded] = [0, 0];
  const known = new Map<string, boolean>();
  for await (const page of log.subjects(prefixes.log)) {
    for (const subject of page) {
      if (stopped.aborted) return;
      const of = parseLogSubject(subject);
      if (of?.kind !== "turn") continue;
      const key = `${of.tenant} ${of.run}`;
      const isKnown = known.get(key) ?? (await hasRun(parts, of));
      known.set(key, isKnown);
      if (isKnown) continue;
      if (runIdTime(of.run) > 0 || of.step !== memoryStep) {
        await log.purge(subject);
        orphans++;
      } else if (await keepNewest(log, subject)) superseded++;
    }
  }
  if (orphans + superseded > 0) say.info("journals without use left the log", { orphans, superseded });
}

/** The read model spares a look into the log; what it does not know is asked there. */
async function hasRun({ log, store }: StrayParts, of: { tenant: TenantId; run: RunId }): Promise<boolean> {
  const row = await store.call("row", { tenant: of.tenant, run: of.run });
  if (row !== undefined && row.archive === undefined) return true;
  return (await log.read(runSubject(of.tenant, of.run), { limit: 1 })).length > 0;
}

/** True when there was something before it. */
async function keepNewest(log: Log, subject: Subject): Promise<boolean> {
  let [newest, before] = [0, 0];
  for (let isWhole = false; !isWhole; ) {
    const page = await log.read(subject, { after: newest, limit: pageMax });
    for (const { revision } of page) [before, newest] = [newest, revision];
    isWhole = page.length < pageMax;
  }
  if (before > 0) await log.purge(subject, { upTo: before });
  return before > 0;
}

const pageMax = 1_000;
