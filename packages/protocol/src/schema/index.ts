/** zod schemas of what crosses a process boundary. Heavy: import only where unknown data enters. */
export { agent as agentSchema } from "./agent.ts";
export * as apiSchemas from "./api.ts";
export * as busSchemas from "./bus.ts";
export { commit as commitSchema, runCommand as runCommandSchema } from "./commit.ts";
export { envelope as envelopeSchema, streamLine as streamLineSchema } from "./envelope.ts";
export { eventSchemas, runEvent as runEventSchema } from "./events.ts";
export { type SchemaFault, faultsOf } from "./faults.ts";
export { inputAnswer as inputAnswerSchema, inputRequest as inputRequestSchema } from "./input.ts";
export {
  journalEntry as journalEntrySchema,
  journalRecord as journalRecordSchema,
  turnEventSchemas,
} from "./journal.ts";
export { jsonSchemaNames, jsonSchemaOf, jsonSchemaText } from "./json-schemas.ts";
export { idText } from "./parse-id.ts";
export { plan as planSchema } from "./plan.ts";
export { models as modelsSchema, project as projectSchema } from "./project.ts";
export { sandboxPolicy as sandboxPolicySchema } from "./sandbox.ts";
export { modelScript as modelScriptSchema } from "./script.ts";
export { task as taskSchema } from "./task.ts";
export { telemetryBatch as telemetryBatchSchema } from "./telemetry.ts";
export { manifest as manifestSchema, workerPresence as workerPresenceSchema } from "./worker.ts";
export { workflow as workflowSchema } from "./workflow.ts";
