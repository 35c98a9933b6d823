/** Anthropic's messages. */
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
  sse,
  toolNames,
  toolOf,
} from "../dialect.ts";

export const anthropic: Dialect = {
  name: "anthropic",
  read,
  whole: ({ reply, n }) => ({
    ...head(reply.model, n),
    content: reply.parts.map((part) => blockOf(part)),
    stop_reason: stops[reply.finish],
    stop_sequence: null,
    usage: usageOf(reply.usage),
  }),
  streamType: "text/event-stream; charset=utf-8",
  stream,
  failure,
};

function read(body: Json): Asked | string {
  if (!Array.isArray(at(body, "messages"))) return "messages: Field required";
  const messages: Message[] = [];
  const system = contentText(at(body, "system"));
  if (system !== "") messages.push({ role: "system", text: system });
  for (const message of listOf(at(body, "messages"))) append(messages, message);
  const all = listOf(at(body, "tools")).map((tool) => toolOf(tool, "input_schema"));
  const native = at(body, "output_config", "format", "schema") ?? at(body, "output_format", "schema");
  const byTool = native === undefined ? jsonToolOf(all) : { tools: all, schema: undefined };
  const schema = isObject(native) ? native : byTool.schema;
  return {
    stream: at(body, "stream") === true,
    ...(byTool.schema === undefined ? {} : { jsonTool: true }),
    request: {
      model: textAt(body, "model"),
      messages,
      tools: all.filter(({ name }) => byTool.tools.some((tool) => tool.name === name)),
      ...(schema === undefined ? {} : { output: objectOf(schema) }),
    },
  };
}

function append(messages: Message[], message: Json): void {
  const content = at(message, "content");
  if (textAt(message, "role") === "assistant") {
    const parts = typeof content === "string" ? [{ kind: "text" as const, text: content }] : saidIn(content);
    messages.push({ role: "assistant", parts });
    return;
  }
  const names = toolNames(messages);
  const results = listOf(content).filter((block) => textAt(block, "type") === "tool_result");
  if (results.length > 0)
    messages.push({ role: "tool", results: results.map((block) => resultOf(block, names)) });
  const text = contentText(content);
  if (text !== "" || results.length === 0) messages.push({ role: "user", text });
}

function resultOf(block: Json, names: ReadonlyMap<string, string>) {
  const id = textAt(block, "tool_use_id");
  const output = resultValue(contentText(at(block, "content")));
  const failed = at(block, "is_error") === true ? { failed: true as const } : {};
  return { id, tool: names.get(id) ?? "", output, ...failed };
}

function saidIn(content: Json | undefined): ReplyPart[] {
  return listOf(content).map((block): ReplyPart => {
    switch (textAt(block, "type")) {
      case "tool_use":
        return callPart(textAt(block, "id"), textAt(block, "name"), at(block, "input"));
      case "thinking":
        return { kind: "reasoning", text: textAt(block, "thinking") };
      default:
        return { kind: "text", text: textAt(block, "text") };
    }
  });
}

const stops: { readonly [K in FinishReason]: string } = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  content_filter: "refusal",
  error: "refusal",
  other: "pause_turn",
};

function head(model: string | undefined, n: number): JsonObject {
  return { id: `msg_${n}`, type: "message", role: "assistant", model: model ?? "scripted" };
}

function usageOf(usage: Answering["reply"]["usage"]): JsonObject {
  const cached = usage.cacheReadTokens ?? 0;
  return {
    input_tokens: Math.max(0, usage.inputTokens - cached),
    output_tokens: usage.outputTokens,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0,
  };
}

function blockOf(part: ReplyPart): JsonObject {
  switch (part.kind) {
    case "call":
      return { type: "tool_use", id: part.id, name: part.tool, input: inputOf(part) };
    case "reasoning":
      return { type: "thinking", thinking: part.text, signature: "scripted" };
    default:
      return { type: "text", text: part.text };
  }
}

function stream({ reply, n }: Answering): (beat: Beat) => readonly Chunk[] {
  const event = (type: string, data: JsonObject): string => sse({ type, ...data }, type);
  let begun = false;
  return (beat) => {
    const start = {
      ...head(reply.model, n),
      content: [],
      stop_reason: null,
      usage: { ...usageOf(reply.usage), output_tokens: 1 },
    };
    const opening = begun ? [] : [event("message_start", { message: start })];
    begun = true;
    switch (beat.kind) {
      case "begin":
        return [
          ...opening,
          event("content_block_start", { index: beat.index, content_block: emptied(beat.part) }),
        ];
      case "delta":
        return [
          ...opening,
          event("content_block_delta", { index: beat.index, delta: deltaOf(beat.part, beat.text) }),
        ];
      case "end":
        return [...opening, ...signed(beat, event), event("content_block_stop", { index: beat.index })];
      case "malformed":
        return [...opening, 'event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n'];
      case "finish": {
        const delta = { stop_reason: stops[reply.finish], stop_sequence: null };
        const usage = { output_tokens: reply.usage.outputTokens };
        return [...opening, event("message_delta", { delta, usage }), event("message_stop", {})];
      }
      default:
        return opening;
    }
  };
}

function signed(
  beat: Extract<Beat, { kind: "end" }>,
  event: (type: string, data: JsonObject) => string,
): string[] {
  if (beat.part.kind !== "reasoning") return [];
  const delta = { type: "signature_delta", signature: "scripted" };
  return [event("content_block_delta", { index: beat.index, delta })];
}

function emptied(part: ReplyPart): JsonObject {
  if (part.kind === "call") return { type: "tool_use", id: part.id, name: part.tool, input: {} };
  return part.kind === "reasoning"
    ? { type: "thinking", thinking: "", signature: "" }
    : { type: "text", text: "" };
}

function deltaOf(part: ReplyPart, text: string): JsonObject {
  if (part.kind === "call") return { type: "input_json_delta", partial_json: text };
  return part.kind === "reasoning"
    ? { type: "thinking_delta", thinking: text }
    : { type: "text_delta", text };
}

const types: { readonly [K in ScriptFailure]: string } = {
  auth: "authentication_error",
  forbidden: "permission_error",
  model_not_found: "not_found_error",
  bad_request: "invalid_request_error",
  context_overflow: "invalid_request_error",
  rate_limit: "rate_limit_error",
  overloaded: "overloaded_error",
  server_error: "api_error",
};

function failure({ failure: kind, status, message }: Failing): FailureAnswer {
  const words = kind === "context_overflow" ? `prompt is too long: ${message}` : message;
  return {
    status: kind === "overloaded" && status === 503 ? 529 : status,
    body: { type: "error", error: { type: types[kind], message: words }, request_id: "req_scripted" },
  };
}
