/** What the read model can be asked, as messages: the same whether it lives in this thread or in its own. */
import type { ReadModel } from "./read-model.ts";
import type {
  ApprovalQuery,
  ApprovalRow,
  ArchiveMark,
  Checkpoint,
  EndedQuery,
  ForgottenRuns,
  LivePlace,
  LiveRun,
  OpenOfBuild,
  ReadBatch,
  RunList,
  RunQuery,
  RunRow,
  StatusCounts,
  TelemetryBatchRows,
  TelemetryList,
  TelemetryQuery,
  UsageQuery,
  UsageSums,
} from "./read-rows.ts";

export interface ReadCalls {
  checkpoint: { ask: undefined; answer: Checkpoint };
  apply: { ask: ReadBatch; answer: void };
  applyTelemetry: { ask: TelemetryBatchRows; answer: void };
  row: { ask: { tenant: string; run: string }; answer: RunRow | undefined };
  list: { ask: RunQuery; answer: RunList };
  live: { ask: { after: LivePlace | undefined; limit: number }; answer: readonly LiveRun[] };
  counts: { ask: undefined; answer: StatusCounts };
  openByBuild: { ask: { tenant: string | undefined }; answer: readonly OpenOfBuild[] };
  approvals: { ask: ApprovalQuery; answer: readonly ApprovalRow[] };
  openApprovals: { ask: undefined; answer: StatusCounts };
  usage: { ask: UsageQuery; answer: UsageSums };
  ended: { ask: EndedQuery; answer: readonly RunRow[] };
  archive: { ask: ArchiveMark; answer: void };
  archives: { ask: undefined; answer: readonly string[] };
  unknownArchives: { ask: { archives: readonly string[] }; answer: readonly string[] };
  forget: { ask: ForgottenRuns; answer: void };
  forgetTelemetry: { ask: undefined; answer: void };
  queryTelemetry: { ask: TelemetryQuery; answer: TelemetryList };
  reset: { ask: undefined; answer: void };
}

export type ReadCall = keyof ReadCalls;

type Handlers = {
  readonly [K in ReadCall]: (model: ReadModel, ask: ReadCalls[K]["ask"]) => ReadCalls[K]["answer"];
};

const handlers: Handlers = {
  checkpoint: (model) => model.checkpoint(),
  apply: (model, ask) => model.apply(ask),
  applyTelemetry: (model, ask) => model.applyTelemetry(ask),
  row: (model, ask) => model.row(ask.tenant, ask.run),
  list: (model, ask) => model.list(ask),
  live: (model, ask) => model.live(ask.after, ask.limit),
  counts: (model) => model.counts(),
  openByBuild: (model, ask) => model.openByBuild(ask.tenant),
  approvals: (model, ask) => model.approvals(ask),
  openApprovals: (model) => model.openApprovals(),
  usage: (model, ask) => model.usage(ask),
  ended: (model, ask) => model.ended(ask),
  archive: (model, ask) => model.archive(ask),
  archives: (model) => model.archives(),
  unknownArchives: (model, ask) => model.unknownArchives(ask.archives),
  forget: (model, ask) => model.forget(ask),
  forgetTelemetry: (model) => model.forgetTelemetry(),
  queryTelemetry: (model, ask) => model.queryTelemetry(ask),
  reset: (model) => model.reset(),
};

export function answerCall<K extends ReadCall>(
  model: ReadModel,
  name: K,
  ask: ReadCalls[K]["ask"],
): ReadCalls[K]["answer"] {
  return handlers[name](model, ask);
}
