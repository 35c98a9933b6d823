import { hash } from "node:crypto";
import {
  parseId,
  type RunId,
  type Shard,
  type Subject,
  shardOfDigest,
  subjects,
  type TenantId,
} from "@agentflow/protocol";

/** The slice of all runs that a run belongs to, for life. */
export function shardOf(run: RunId): Shard {
  return shardOfDigest(hash("sha256", run, "buffer"));
}

/** Where a run's commits lie. */
export function runSubject(tenant: TenantId, run: RunId): Subject {
  return subjects.run({ shard: shardOf(run), tenant, run });
}

/** Its owner does what is done once in an installation: archives, and rows of the dead. */
export const choresShard = parseId("shard", "00");

export const allShards: readonly string[] = Array.from({ length: 64 }, (_, n) => String(n).padStart(2, "0"));
