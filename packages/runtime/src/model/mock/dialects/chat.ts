/** Chat completions: OpenAI's older API, spoken by Azure, Mistral and many others. */
import type { FinishReason, Json, JsonObject, Message, ModelReply, ReplyPart } from "@agentflow/protocol";
import { at, listOf, objectOf, textAt } from "../../json.ts";
import { type Beat, lettersOf } from "../../script/index.ts";
import {
  type Answering,
  type Asked,
  type Call,
  type Chunk,
  type Dialect,
  brokenSse,
  callPart,
  callsOf,
  contentText,
  createdSeconds,
  reasoningOf,
  resultValue,
  sse,
  textOfReply,
  toolNames,
  toolOf,
} from "../dialect.ts";
import { mistralFailure, openaiFailure } from "./openai-errors.ts";

export const chat: Dialect = dialect("openai-chat");
export const mistral: Dialect = dialect("mistral");

type Name = "openai-chat" | "mistral";

function dialect(name: Name): Dialect {
  return {
    name,
    read: (body, { model }) => read(body, model),
    whole: (answering) => whole(answering, name),
    streamType: "text/event-stream; charset=utf-8",
    stream: (answering) => stream(answering, name),
    failure: name === "mistral" ? mistralFailure : openaiFailure,
  };
}

function read(body: Json, pathModel: string): Asked | string {
  if (!Array.isArray(at(body, "messages"))) return "messages is missing: a list of messages is expected";
  const messages: Message[] = [];
  for (const message of listOf(at(body, "messages"))) messages.push(messageOf(message, toolNames(messages)));
  const format = at(body, "response_format");
  const schema = at(format, "json_schema", "schema");
  return {
    stream: at(body, "stream") === true,
    streamUsage: at(body, "stream_options", "include_usage") === true,
    request: {
      model: textAt(body, "model") || pathModel,
      messages,
      tools: listOf(at(body, "tools")).map((tool) => toolOf(at(tool, "function") ?? {}, "parameters")),
      ...(schema === undefined ? {} : { output: objectOf(schema) }),
      ...(textAt(format, "type") === "json_object" ? { anyJson: true } : {}),
    },
  };
}

function messageOf(message: Json, names: ReadonlyMap<string, string>): Message {
  const text = contentText(at(message, "content"));
  switch (textAt(message, "role")) {
    case "system":
    case "developer":
      return { role: "system", text };
    case "assistant":
      return { role: "assistant", parts: [...textParts(text), ...callParts(message)] };
    case "tool": {
      const id = textAt(message, "tool_call_id");
      const tool = names.get(id) ?? textAt(message, "name");
      return { role: "tool", results: [{ id, tool, output: resultValue(text) }] };
    }
    default:
      return { role: "user", text };
  }
}

function textParts(text: string): ReplyPart[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

function callParts(message: Json): ReplyPart[] {
  return listOf(at(message, "tool_calls")).map((call) =>
    callPart(textAt(call, "id"), textAt(call, "function", "name"), textAt(call, "function", "arguments")),
  );
}

const finishes: { readonly [K in FinishReason]: string } = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_calls",
  content_filter: "content_filter",
  error: "error",
  other: "other",
};

function whole({ reply, n }: Answering, name: Name): JsonObject {
  const calls = callsOf(reply);
  const text = textOfReply(reply);
  const reasoning = reasoningOf(reply);
  const message = {
    role: "assistant",
    content: name === "mistral" && reasoning !== "" ? thoughts(reasoning, text) : text,
    ...(name === "mistral" || reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => callOf(call, lettersOf(call))) }),
  };
  return {
    ...head(reply, n, "chat.completion"),
    choices: [{ index: 0, message, finish_reason: finishes[reply.finish], logprobs: null }],
    usage: usageOf(reply),
  };
}

function thoughts(reasoning: string, text: string): Json {
  const thinking = { type: "thinking", thinking: [{ type: "text", text: reasoning }] };
  return text === "" ? [thinking] : [thinking, { type: "text", text }];
}

function head(reply: ModelReply, n: number, object: string): JsonObject {
  return { id: `chatcmpl-${n}`, object, created: createdSeconds, model: reply.model ?? "scripted" };
}

function callOf(call: Call, letters: string): JsonObject {
  return { id: call.id, type: "function", function: { name: call.tool, arguments: letters } };
}

function usageOf({ usage }: ModelReply): JsonObject {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}

function stream({ reply, n, asked }: Answering, name: Name): (beat: Beat) => readonly Chunk[] {
  const top = head(reply, n, "chat.completion.chunk");
  const piece = (delta: JsonObject, finish: string | null = null): string =>
    sse({ ...top, choices: [{ index: 0, delta, finish_reason: finish }], ...(finish === null ? {} : last) });
  const last = name === "mistral" ? { usage: usageOf(reply) } : {};
  const callIndex = (part: ReplyPart): number => callsOf(reply).findIndex((call) => call === part);
  let begun = false;
  return (beat) => {
    const opening = begun ? [] : [piece({ role: "assistant", content: "" })];
    begun = true;
    switch (beat.kind) {
      case "begin":
        if (beat.part.kind !== "call") return opening;
        return [
          ...opening,
          piece({ tool_calls: [{ index: callIndex(beat.part), ...callOf(beat.part, "") }] }),
        ];
      case "delta":
        return [...opening, piece(deltaOf(beat, callIndex(beat.part), name))];
      case "malformed":
        return [...opening, brokenSse];
      case "finish":
        return [...opening, piece({}, finishes[reply.finish]), ...usageChunk(), "data: [DONE]\n\n"];
      default:
        return opening;
    }
  };

  function usageChunk(): string[] {
    if (name === "mistral" || asked.streamUsage !== true) return [];
    return [sse({ ...top, choices: [], usage: usageOf(reply) })];
  }
}

function deltaOf(beat: Extract<Beat, { kind: "delta" }>, index: number, name: Name): JsonObject {
  switch (beat.part.kind) {
    case "call":
      return { tool_calls: [{ index, function: { arguments: beat.text } }] };
    case "reasoning":
      return name === "mistral" ? { content: thoughts(beat.text, "") } : { reasoning_content: beat.text };
    default:
      return { content: beat.text };
  }
}
