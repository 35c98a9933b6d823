/**
 * Spans of agents by the GenAI conventions: name, kind and attributes of each, from our own words. Pass what
 * `…Span` gives to `startSpan`, and what `…End` gives to `end`. Content is left out unless it is given.
 */
import type { Effect, Json, Message, ModelReply, Usage, UsageTotals } from "@agentflow/protocol";
import { finishOf, messagesText, replyText } from "./content.ts";
import { attributeNames as names, spanNames } from "./names.ts";
import type { Attributes, SpanKind } from "./tracer.ts";

export interface NamedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

/** What each span of an agent says of where it belongs. */
export interface OfAgent {
  readonly agent?: string | undefined;
  /** The session, where the agent has one. */
  readonly session?: string | undefined;
  /** The worker. */
  readonly worker?: string | undefined;
}

export interface ChatFacts extends OfAgent {
  /** As agentflow.yaml names it: `openai`, `anthropic`, `openai-compatible`, … */
  readonly provider: string;
  /** The model's name at the provider. */
  readonly model: string;
  /** The model's name in agentflow.yaml. */
  readonly alias?: string | undefined;
  readonly n?: number | undefined;
  readonly turn?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
  readonly temperature?: number | undefined;
  /** The reply must be JSON. */
  readonly json?: boolean | undefined;
  /** Only where `telemetry.content` is on. */
  readonly messages?: readonly Message[] | undefined;
}

export function chatSpan(facts: ChatFacts): NamedSpan {
  return {
    name: spanNames.chat(facts.model),
    kind: "client",
    attributes: present({
      [names.operation]: "chat",
      [names.provider]: providerName(facts.provider),
      [names.requestModel]: facts.model,
      [names.requestStream]: true,
      [names.modelAlias]: facts.alias,
      [names.modelCall]: facts.n,
      [names.turn]: facts.turn,
      [names.maxTokens]: facts.maxOutputTokens,
      [names.temperature]: facts.temperature,
      [names.outputType]: facts.json === true ? "json" : undefined,
      [names.inputMessages]: facts.messages === undefined ? undefined : messagesText(facts.messages),
      ...belongs(facts),
    }),
  };
}

/** What a chat is given, for a span that holds content. */
export function inputContent(messages: readonly Message[]): Attributes {
  return { [names.inputMessages]: messagesText(messages) };
}

export interface ChatEnd {
  readonly reply: ModelReply;
  readonly usd?: string | undefined;
  readonly firstMs?: number | undefined;
  /** `telemetry.content` is on: the reply is written too. */
  readonly content?: boolean | undefined;
}

/** Attributes for the end of a chat span that got its reply; one that failed ends with `errorType` alone. */
export function chatEnd({ reply, usd, firstMs, content }: ChatEnd): Attributes {
  return present({
    [names.responseModel]: reply.model,
    [names.responseId]: reply.id,
    [names.finishReasons]: [finishOf(reply.finish)],
    [names.firstChunk]: firstMs === undefined ? undefined : firstMs / 1000,
    [names.usd]: usd,
    ...usageAttributes(reply.usage),
    [names.outputMessages]: content === true ? replyText(reply) : undefined,
  });
}

export interface ToolFacts extends OfAgent {
  /** `<file>.<export>`. */
  readonly tool: string;
  /** The call's id, or the idempotency key of a step that is a tool. */
  readonly call?: string | undefined;
  readonly effect?: Effect | undefined;
  /** Only where `telemetry.content` is on. */
  readonly input?: Json | undefined;
}

export function toolSpan(facts: ToolFacts): NamedSpan {
  return {
    name: spanNames.tool(facts.tool),
    kind: "internal",
    attributes: present({
      [names.operation]: "execute_tool",
      [names.toolName]: facts.tool,
      [names.toolType]: "function",
      [names.toolCall]: facts.call,
      [names.effect]: facts.effect,
      [names.toolArguments]: facts.input === undefined ? undefined : JSON.stringify(facts.input),
      ...belongs(facts),
    }),
  };
}

/** Attributes for the end of a tool's span: its output, where `telemetry.content` is on. */
export function toolEnd(output: Json): Attributes {
  return { [names.toolResult]: JSON.stringify(output) };
}

export interface AgentFacts extends OfAgent {
  readonly agent: string;
  /** The model's name in agentflow.yaml. */
  readonly alias?: string | undefined;
}

/** An agent in this process; the conventions keep the provider and the agent's id off such a span. */
export function agentSpan(facts: AgentFacts): NamedSpan {
  return {
    name: spanNames.agent(facts.agent),
    kind: "internal",
    attributes: present({
      [names.operation]: "invoke_agent",
      [names.modelAlias]: facts.alias,
      ...belongs(facts),
    }),
  };
}

/** The session is known only once the loop has begun. */
export function agentEnd(totals: UsageTotals, session?: string): Attributes {
  return present({
    [names.conversation]: session,
    [names.modelCalls]: totals.modelCalls,
    [names.toolCalls]: totals.toolCalls,
    [names.usd]: totals.usd,
    ...usageAttributes(totals),
  });
}

export function usageAttributes(usage: Usage): Attributes {
  return present({
    [names.inputTokens]: usage.inputTokens,
    [names.outputTokens]: usage.outputTokens,
    [names.cacheReadTokens]: usage.cacheReadTokens,
    [names.cacheWriteTokens]: usage.cacheWriteTokens,
    [names.reasoningTokens]: usage.reasoningTokens,
  });
}

/** Providers that the conventions know by another name than agentflow.yaml does. */
const providerNames = new Map([
  ["google", "gcp.gemini"],
  ["bedrock", "aws.bedrock"],
  ["amazon-bedrock", "aws.bedrock"],
  ["azure", "azure.ai.openai"],
  ["mistral", "mistral_ai"],
]);

export function providerName(provider: string): string {
  return providerNames.get(provider) ?? provider;
}

function belongs({ agent, session, worker }: OfAgent): Attributes {
  return { [names.agentName]: agent, [names.conversation]: session, [names.worker]: worker };
}

function present(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
