/**
 * Every span, attribute and metric name we write. GenAI names: open-telemetry/semantic-conventions-genai
 * v0.1.0, compared with its docs/gen-ai at 024a4f944a1291fcb627c9c47da69e79868dd15e (all still "Development"
 * there, hence pinned here); trace context: W3C Trace Context level 1.
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
  /** The model's name in agentflow.yaml. */
  modelAlias: "agentflow.model.alias",
  /** Number of the model call within the step. */
  modelCall: "agentflow.model.call",
  turn: "agentflow.turn",
  /** US dollars, as a decimal string. */
  usd: "agentflow.cost.usd",
  modelCalls: "agentflow.agent.model_calls",
  toolCalls: "agentflow.agent.tool_calls",
  effect: "agentflow.tool.effect",
  errorType: "error.type",
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  maxTokens: "gen_ai.request.max_tokens",
  temperature: "gen_ai.request.temperature",
  outputType: "gen_ai.output.type",
  responseModel: "gen_ai.response.model",
  responseId: "gen_ai.response.id",
  finishReasons: "gen_ai.response.finish_reasons",
  firstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheWriteTokens: "gen_ai.usage.cache_write.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  agentName: "gen_ai.agent.name",
  toolName: "gen_ai.tool.name",
  toolType: "gen_ai.tool.type",
  toolCall: "gen_ai.tool.call.id",
  conversation: "gen_ai.conversation.id",
  // Content: written only where `telemetry.content` says so.
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  toolArguments: "gen_ai.tool.call.arguments",
  toolResult: "gen_ai.tool.call.result",
} as const;

/** Names of the conventions, as Prometheus writes them: dots become underscores, the unit ends the name. */
export const metricNames = {
  inference: "gen_ai_client_inference_duration_seconds",
  firstChunk: "gen_ai_client_inference_time_to_first_chunk_seconds",
  inputTokens: "gen_ai_client_inference_usage_input_tokens_total",
  outputTokens: "gen_ai_client_inference_usage_output_tokens_total",
  cacheReadTokens: "gen_ai_client_inference_usage_cache_read_input_tokens_total",
  cacheWriteTokens: "gen_ai_client_inference_usage_cache_write_input_tokens_total",
  reasoningTokens: "gen_ai_client_inference_usage_reasoning_output_tokens_total",
  agent: "gen_ai_invoke_agent_duration_seconds",
  tool: "gen_ai_execute_tool_duration_seconds",
} as const;
