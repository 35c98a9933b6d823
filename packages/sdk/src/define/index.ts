export type { AgentText, AgentToolOption, ModelAgent, ModelAgentOptions } from "./agent.ts";
export {
  type Agent,
  type Tool,
  type ToolOptions,
  defineAgent,
  defineTool,
  isDefinition,
} from "./callable.ts";
export type { CallContext, CallLog, Secrets, SpanContext } from "./context.ts";
export { type Expression, type Given, type Ref, cel } from "./expression.ts";
export { type InputOf, type OutputOf, type Schema, jsonSchemaOf, validate } from "./schema.ts";
export {
  type Asking,
  type PersonAnswer,
  type Scope,
  type StepOptions,
  type Workflow,
  type WorkflowBuilder,
  type WorkflowOptions,
  defineWorkflow,
  uses,
} from "./workflow.ts";
