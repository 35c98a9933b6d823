/** From our request to the call options of the AI SDK's model interface. Pure. */
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4ToolResultOutput,
} from "@ai-sdk/provider";
import type {
  CallResult,
  Json,
  JsonObject,
  JsonSchema,
  Message,
  ModelRequest,
  ReplyPart,
  ToolForModel,
} from "@agentflow/protocol";
import { asProviderOptions } from "./parse-v4.ts";
import { type ToolNames, toolNames } from "./tool-names.ts";

export interface PromptOptions {
  readonly optionsKey: string;
  /** What the provider takes beside. */
  readonly options: JsonObject;
  /** The provider's strict mode has to be switched off for a schema that is not strict. */
  readonly strict: boolean;
  /** False: the provider knows JSON but no schema, so the model is told of the schema in words. */
  readonly schemas: boolean;
}

export function toCallOptions(
  request: ModelRequest,
  { optionsKey, options, strict, schemas }: PromptOptions,
): { readonly call: LanguageModelV4CallOptions; readonly names: ToolNames } {
  const names = toolNames(request.tools);
  const { output, maxOutputTokens, temperature } = request;
  const prompt = request.messages.map((message) => toMessage(message, names));
  if (output !== undefined && !schemas) prompt.unshift({ role: "system", content: inWords(output) });
  const given = {
    ...(output === undefined || !strict ? {} : { strictJsonSchema: isStrict(output) }),
    ...options,
  };
  const call: LanguageModelV4CallOptions = {
    prompt,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(output === undefined
      ? {}
      : { responseFormat: { type: "json", name: "output", ...(schemas ? { schema: output } : {}) } }),
    ...(request.tools.length === 0 ? {} : { tools: request.tools.map((tool) => shownTool(tool, names)) }),
    ...(Object.keys(given).length === 0 ? {} : { providerOptions: { [optionsKey]: given } }),
  };
  return { call, names };
}

function shownTool(
  { name, description, input }: ToolForModel,
  names: ToolNames,
): LanguageModelV4FunctionTool {
  return { type: "function", name: names.shown(name), description, inputSchema: input };
}

function toMessage(message: Message, names: ToolNames): LanguageModelV4Message {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.text };
    case "user":
      return { role: "user", content: [{ type: "text", text: message.text }] };
    case "assistant":
      return { role: "assistant", content: message.parts.map((part) => toPart(part, names)) };
    default:
      return {
        role: "tool",
        content: message.results.map((result) => ({
          type: "tool-result" as const,
          toolCallId: result.id,
          toolName: names.shown(result.tool),
          output: toOutput(result),
        })),
      };
  }
}

type AssistantPart = Extract<LanguageModelV4Message, { role: "assistant" }>["content"][number];

function toPart(part: ReplyPart, names: ToolNames): AssistantPart {
  const given = part.meta === undefined ? {} : { providerOptions: asProviderOptions(part.meta) };
  if (part.kind !== "call") return { type: part.kind, text: part.text, ...given };
  return {
    type: "tool-call",
    toolCallId: part.id,
    toolName: names.shown(part.tool),
    input: argumentsOf(part),
    ...given,
  };
}

/** Providers take back nothing but objects: what the model wrote instead stands within one. */
function argumentsOf({ input, text }: Extract<ReplyPart, { kind: "call" }>): Json {
  if (typeof input === "object" && input !== null && !Array.isArray(input)) return input;
  return { unreadable_arguments: input ?? text ?? "" };
}

function toOutput({ output, failed }: CallResult): LanguageModelV4ToolResultOutput {
  if (typeof output === "string") return { type: failed ? "error-text" : "text", value: output };
  return { type: failed ? "error-json" : "json", value: output };
}

function inWords(schema: JsonSchema): string {
  return `Answer with JSON alone, no text around it, by this JSON Schema:\n${JSON.stringify(schema)}`;
}

/**
 * True when a provider's strict mode takes the schema: each object names all its keys as required and allows
 * no others. With any other schema the request itself would be refused.
 */
export function isStrict(schema: Json): boolean {
  if (typeof schema !== "object" || schema === null) return true;
  const inner: readonly Json[] = Object.values(schema);
  if (!inner.every(isStrict)) return false;
  if (!isObject(schema)) return true;
  const { type, properties, required, additionalProperties } = schema;
  if (type !== "object" && properties === undefined) return true;
  if (additionalProperties !== false || !isObject(properties ?? {})) return false;
  const needed: readonly Json[] = Array.isArray(required) ? required : [];
  return Object.keys(properties ?? {}).every((key) => needed.includes(key));
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
