/** Amazon Bedrock's converse and converse-stream. */
import type { FinishReason, Json, JsonObject, Message, ReplyPart, ScriptFailure } from "@agentflow/protocol";
import { at, isObject, listOf, objectOf, textAt } from "../../json.ts";
import type { Beat } from "../../script/index.ts";
import {
  type Answering,
  type Asked,
  type Chunk,
  type Dialect,
  type Failing,
  type FailureAnswer,
  callPart,
  contentText,
  inputOf,
  jsonToolOf,
  resultValue,
  toolNames,
} from "../dialect.ts";
import { eventFrame } from "../event-stream.ts";

export const bedrock: Dialect = {
  name: "bedrock",
  read: (body, { model, stream: streaming }) => read(body, model, streaming),
  whole: ({ reply }) => ({
    output: { message: { role: "assistant", content: reply.parts.map((part) => blockOf(part)) } },
    stopReason: stops[reply.finish],
    usage: usageOf(reply.usage),
    metrics: { latencyMs: 1 },
  }),
  streamType: "application/vnd.amazon.eventstream",
  stream,
  failure,
};

function read(body: Json, model: string, streaming: boolean): Asked | string {
  const messages: Message[] = [];
  const system = contentText(at(body, "system"));
  if (system !== "") messages.push({ role: "system", text: system });
  const asked = listOf(at(body, "messages"));
  if (asked.length === 0) return "The conversation must hold at least one message";
  for (const message of asked) append(messages, message);
  const all = listOf(at(body, "toolConfig", "tools")).map((tool) => specOf(at(tool, "toolSpec")));
  const native = at(body, "additionalModelRequestFields", "output_config", "format", "schema");
  const byTool = isObject(native) ? { schema: undefined } : jsonToolOf(all);
  const schema = isObject(native) ? native : byTool.schema;
  return {
    stream: streaming,
    ...(byTool.schema === undefined ? {} : { jsonTool: true }),
    request: {
      model,
      messages,
      tools: byTool.schema === undefined ? all : all.filter(({ name }) => name !== "json"),
      ...(schema === undefined ? {} : { output: schema }),
    },
  };
}

function specOf(spec: Json | undefined) {
  const input = objectOf(at(spec, "inputSchema", "json"));
  return { name: textAt(spec, "name"), description: textAt(spec, "description"), input };
}

function append(messages: Message[], message: Json): void {
  const content = listOf(at(message, "content"));
  if (textAt(message, "role") === "assistant") {
    messages.push({ role: "assistant", parts: content.map((block) => saidIn(block)) });
    return;
  }
  const names = toolNames(messages);
  const results = content.filter((block) => isObject(at(block, "toolResult")));
  if (results.length > 0)
    messages.push({ role: "tool", results: results.map((block) => resultOf(block, names)) });
  const text = contentText(content);
  if (text !== "" || results.length === 0) messages.push({ role: "user", text });
}

function saidIn(block: Json): ReplyPart {
  const use = at(block, "toolUse");
  if (isObject(use)) return callPart(textAt(use, "toolUseId"), textAt(use, "name"), at(use, "input"));
  const thought = at(block, "reasoningContent", "reasoningText", "text");
  if (typeof thought === "string") return { kind: "reasoning", text: thought };
  return { kind: "text", text: textAt(block, "text") };
}

function resultOf(block: Json, names: ReadonlyMap<string, string>) {
  const result = at(block, "toolResult");
  const id = textAt(result, "toolUseId");
  const [first] = listOf(at(result, "content"));
  const json = at(first, "json");
  const output = json === undefined ? resultValue(contentText(at(result, "content"))) : json;
  const failed = textAt(result, "status") === "error" ? { failed: true as const } : {};
  return { id, tool: names.get(id) ?? "", output, ...failed };
}

const stops: { readonly [K in FinishReason]: string } = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  content_filter: "content_filtered",
  error: "guardrail_intervened",
  other: "stop_sequence",
};

function usageOf(usage: Answering["reply"]["usage"]): JsonObject {
  return {
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    totalTokens: usage.inputTokens + usage.outputTokens,
    ...(usage.cacheReadTokens === undefined ? {} : { cacheReadInputTokens: usage.cacheReadTokens }),
  };
}

function blockOf(part: ReplyPart): JsonObject {
  switch (part.kind) {
    case "call":
      return { toolUse: { toolUseId: part.id, name: part.tool, input: inputOf(part) } };
    case "reasoning":
      return { reasoningContent: { reasoningText: { text: part.text, signature: "scripted" } } };
    default:
      return { text: part.text };
  }
}

function stream({ reply }: Answering): (beat: Beat) => readonly Chunk[] {
  const event = (type: string, data: JsonObject): Uint8Array => eventFrame(type, JSON.stringify(data));
  let begun = false;
  return (beat) => {
    const opening = begun ? [] : [event("messageStart", { role: "assistant" })];
    begun = true;
    switch (beat.kind) {
      case "begin": {
        if (beat.part.kind !== "call") return opening;
        const toolUse = { toolUseId: beat.part.id, name: beat.part.tool };
        return [
          ...opening,
          event("contentBlockStart", { contentBlockIndex: beat.index, start: { toolUse } }),
        ];
      }
      case "delta": {
        const delta = deltaOf(beat.part, beat.text);
        return [...opening, event("contentBlockDelta", { contentBlockIndex: beat.index, delta })];
      }
      case "end":
        return [...opening, event("contentBlockStop", { contentBlockIndex: beat.index })];
      case "malformed":
        return [...opening, eventFrame("contentBlockDelta", '{"contentBlockIndex":0,"del')];
      case "finish":
        return [
          ...opening,
          event("messageStop", { stopReason: stops[reply.finish] }),
          event("metadata", { usage: usageOf(reply.usage), metrics: { latencyMs: 1 } }),
        ];
      default:
        return opening;
    }
  };
}

function deltaOf(part: ReplyPart, text: string): JsonObject {
  if (part.kind === "call") return { toolUse: { input: text } };
  return part.kind === "reasoning" ? { reasoningContent: { text } } : { text };
}

const types: { readonly [K in ScriptFailure]: string } = {
  auth: "UnrecognizedClientException",
  forbidden: "AccessDeniedException",
  model_not_found: "ResourceNotFoundException",
  bad_request: "ValidationException",
  context_overflow: "ValidationException",
  rate_limit: "ThrottlingException",
  overloaded: "ServiceUnavailableException",
  server_error: "InternalServerException",
};

/** A wrong key is a 403 at Amazon; the kind of failure stands in a header. */
function failure({ failure: kind, status, message }: Failing): FailureAnswer {
  const words = kind === "context_overflow" ? `Input is too long for requested model: ${message}` : message;
  return {
    status: kind === "auth" ? 403 : status,
    body: { message: words },
    headers: { "x-amzn-errortype": types[kind] },
  };
}
