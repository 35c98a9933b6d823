/**
 * Every span and attribute name we write. GenAI names: open-telemetry/semantic-conventions-genai v0.1.0 (all
 * still "Development" there, hence pinned here); trace context: W3C Trace Context level 1.
 */
export const spanNames = {
  run: "agentflow.run",
  step: "agentflow.step",
  attempt: "agentflow.attempt",
  queueWait: "agentflow.queue_wait",
  plan: "agentflow.plan",
  request: "agentflow.request",
  append: "agentflow.append",
  tool: (tool: string) => `execute_tool ${tool}`,
  agent: (agent: string) => `invoke_agent ${agent}`,
  chat: (model: string) => `chat ${model}`,
} as const;

export const attributeNames = {
  run: "agentflow.run.id",
  workflow: "agentflow.workflow.name",
  step: "agentflow.step.id",
  attempt: "agentflow.attempt",
  tenant: "agentflow.tenant",
  pool: "agentflow.pool",
  worker: "agentflow.worker",
  spanKind: "agentflow.span.kind",
  links: "agentflow.span.links",
  errorType: "error.type",
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  responseModel: "gen_ai.response.model",
  responseId: "gen_ai.response.id",
  finishReasons: "gen_ai.response.finish_reasons",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  agentName: "gen_ai.agent.name",
  toolName: "gen_ai.tool.name",
  toolCall: "gen_ai.tool.call.id",
  conversation: "gen_ai.conversation.id",
} as const;
