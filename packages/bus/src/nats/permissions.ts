/** What each identity needs at the NATS server, and nothing else: no `$JS.API.>`, no inbox but its own. */
import type { BuildId, PoolName, TenantId } from "@agentflow/protocol";
import { logStream, streamNames } from "./names.ts";

export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export interface WorkerIdentity {
  readonly tenant: TenantId;
  readonly pool: PoolName;
  readonly build: BuildId;
  /** The inbox prefix of the workers of this tenant: they pass tasks on to each other. */
  readonly inboxPrefix: string;
  /** The installation's number of logs. */
  readonly lanes: number;
}

/** A worker of one tenant, pool and build: takes its tasks, writes its journals, reports, tells of itself. */
export function workerPermissions(of: WorkerIdentity): NatsPermissions {
  const { tenant, pool, build, inboxPrefix, lanes } = of;
  const consumer = `${tenant}_${pool}_${build}`;
  const task = `af.task.${tenant}.${pool}.${build}`;
  const logs = Array.from({ length: lanes }, (_, lane) => logStream(lane));
  const api = (verb: string): string => `$JS.API.${verb}`;
  return {
    publish: [
      ...[logStream(0), streamNames.task].map((stream) => api(`STREAM.INFO.${stream}`)),
      api(`CONSUMER.CREATE.${streamNames.task}.${consumer}.${task}.*`),
      api(`CONSUMER.INFO.${streamNames.task}.${consumer}`),
      api(`CONSUMER.MSG.NEXT.${streamNames.task}.${consumer}`),
      `$JS.ACK.${streamNames.task}.${consumer}.>`,
      task,
      `${task}.*`,
      // Journals of agent steps: written and read back; a direct read by subject names it in its body.
      `af.log.*.${tenant}.turn.>`,
      ...logs.flatMap((stream) => [api(`DIRECT.GET.${stream}`), api(`STREAM.MSG.GET.${stream}`)]),
      `af.in.*.${tenant}`,
      `af.live.${tenant}.>`,
      `af.tele.${tenant}.>`,
      `af.dead.${tenant}.${pool}`,
      `$KV.AF_TABLE.worker.${tenant}.*`,
      api(`STREAM.MSG.GET.${streamNames.table}`),
      api(`DIRECT.GET.${streamNames.table}.$KV.AF_TABLE.worker.${tenant}.*`),
      `af.blob.*.${tenant}.>`,
      api(`DIRECT.GET.${streamNames.blob}.af.blob.*.${tenant}.>`),
      `${inboxPrefix}.>`,
    ],
    subscribe: [`${inboxPrefix}.>`, task],
  };
}
