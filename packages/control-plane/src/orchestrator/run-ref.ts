import { type RunId, type Shard, type Subject, subjects, type TenantId } from "@agentflow/protocol";
import { shardOf } from "./shard.ts";

/** A run with what is derived from its ids, made once and passed around. */
export interface RunRef {
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly shard: Shard;
  readonly subject: Subject;
  /** Unique in the installation: a run id alone is not. */
  readonly key: string;
}

export function makeRunRef(tenant: TenantId, run: RunId): RunRef {
  const shard = shardOf(run);
  return { tenant, run, shard, subject: subjects.run({ shard, tenant, run }), key: `${tenant} ${run}` };
}
