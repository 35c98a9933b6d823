import { expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type {
  AgentDefinition,
  ApprovalPage,
  CancelBody,
  Commit,
  Envelope,
  ErrorBody,
  InputAnswer,
  InputRequest,
  DecideBody,
  JournalEntry,
  JournalRecord,
  Manifest,
  ModelScript,
  Plan,
  ProjectDefinition,
  ResolveBody,
  RunAnswer,
  RunCommand,
  RunEvent,
  RunSummary,
  StartRunBody,
  StreamLine,
  Task,
  TelemetryBatch,
  WhyAnswer,
  WorkerPresence,
  WorkflowDefinition,
} from "../index.ts";
import type * as schemas from "./index.ts";
import type { errorBody } from "./envelope.ts";

type Schemas = typeof schemas;
type Out<Name extends keyof Schemas> = Schemas[Name] extends z.ZodType ? z.output<Schemas[Name]> : never;
type Api = Schemas["apiSchemas"];

// Checked by the compiler: a schema and its type that drift apart do not build.
test("what a record's schema reads is its hand-written type, and the other way round", () => {
  expectTypeOf<Out<"commitSchema">>().toExtend<Commit>();
  expectTypeOf<Commit>().toExtend<Out<"commitSchema">>();
  expectTypeOf<Out<"runEventSchema">>().toExtend<RunEvent>();
  expectTypeOf<RunEvent>().toExtend<Out<"runEventSchema">>();
  expectTypeOf<Out<"runCommandSchema">>().toExtend<RunCommand>();
  expectTypeOf<RunCommand>().toExtend<Out<"runCommandSchema">>();
  expectTypeOf<Out<"inputRequestSchema">>().toExtend<InputRequest>();
  expectTypeOf<InputRequest>().toExtend<Out<"inputRequestSchema">>();
  expectTypeOf<Out<"inputAnswerSchema">>().toExtend<InputAnswer>();
  expectTypeOf<InputAnswer>().toExtend<Out<"inputAnswerSchema">>();
  expectTypeOf<Out<"taskSchema">>().toExtend<Task>();
  expectTypeOf<Task>().toExtend<Out<"taskSchema">>();
  expectTypeOf<Out<"planSchema">>().toExtend<Plan>();
  expectTypeOf<Plan>().toExtend<Out<"planSchema">>();
  expectTypeOf<Out<"journalEntrySchema">>().toExtend<JournalEntry>();
  expectTypeOf<JournalEntry>().toExtend<Out<"journalEntrySchema">>();
  expectTypeOf<Out<"journalRecordSchema">>().toExtend<JournalRecord>();
  expectTypeOf<JournalRecord>().toExtend<Out<"journalRecordSchema">>();
  expectTypeOf<Out<"telemetryBatchSchema">>().toExtend<TelemetryBatch>();
  expectTypeOf<TelemetryBatch>().toExtend<Out<"telemetryBatchSchema">>();
  expectTypeOf<Out<"workerPresenceSchema">>().toExtend<WorkerPresence>();
  expectTypeOf<WorkerPresence>().toExtend<Out<"workerPresenceSchema">>();
  expectTypeOf<Out<"manifestSchema">>().toExtend<Manifest>();
  expectTypeOf<Manifest>().toExtend<Out<"manifestSchema">>();
});

test("what an authored file's schema reads is its hand-written type, and the other way round", () => {
  expectTypeOf<Out<"projectSchema">>().toExtend<ProjectDefinition>();
  expectTypeOf<ProjectDefinition>().toExtend<Out<"projectSchema">>();
  expectTypeOf<Out<"workflowSchema">>().toExtend<WorkflowDefinition>();
  expectTypeOf<WorkflowDefinition>().toExtend<Out<"workflowSchema">>();
  expectTypeOf<Out<"agentSchema">>().toExtend<AgentDefinition>();
  expectTypeOf<AgentDefinition>().toExtend<Out<"agentSchema">>();
  expectTypeOf<Out<"modelScriptSchema">>().toExtend<ModelScript>();
  expectTypeOf<ModelScript>().toExtend<Out<"modelScriptSchema">>();
});

test("what scripts read is its hand-written type, and the other way round", () => {
  expectTypeOf<Out<"envelopeSchema">>().toExtend<Envelope>();
  expectTypeOf<Envelope>().toExtend<Out<"envelopeSchema">>();
  expectTypeOf<Out<"streamLineSchema">>().toExtend<StreamLine>();
  expectTypeOf<StreamLine>().toExtend<Out<"streamLineSchema">>();
  expectTypeOf<z.output<typeof errorBody>>().toExtend<ErrorBody>();
  expectTypeOf<ErrorBody>().toExtend<z.output<typeof errorBody>>();
});

test("the bodies and answers of the API are their hand-written types, and the other way round", () => {
  expectTypeOf<z.output<Api["startRunBody"]>>().toExtend<StartRunBody>();
  expectTypeOf<StartRunBody>().toExtend<z.output<Api["startRunBody"]>>();
  expectTypeOf<z.output<Api["cancelBody"]>>().toExtend<CancelBody>();
  expectTypeOf<CancelBody>().toExtend<z.output<Api["cancelBody"]>>();
  expectTypeOf<z.output<Api["resolveBody"]>>().toExtend<ResolveBody>();
  expectTypeOf<ResolveBody>().toExtend<z.output<Api["resolveBody"]>>();
  expectTypeOf<z.output<Api["decideBody"]>>().toExtend<DecideBody>();
  expectTypeOf<DecideBody>().toExtend<z.output<Api["decideBody"]>>();
  expectTypeOf<z.output<Api["approvalPage"]>>().toExtend<ApprovalPage>();
  expectTypeOf<ApprovalPage>().toExtend<z.output<Api["approvalPage"]>>();
  expectTypeOf<z.output<Api["runAnswer"]>>().toExtend<RunAnswer>();
  expectTypeOf<RunAnswer>().toExtend<z.output<Api["runAnswer"]>>();
  expectTypeOf<z.output<Api["runSummary"]>>().toExtend<RunSummary>();
  expectTypeOf<RunSummary>().toExtend<z.output<Api["runSummary"]>>();
  expectTypeOf<WhyAnswer["headline"]>().toExtend<z.output<Api["whyAnswer"]>["headline"]>();
});
