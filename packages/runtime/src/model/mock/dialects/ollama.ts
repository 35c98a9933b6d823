/** Ollama's own chat: one JSON object a line. */
import type { FinishReason, Json, JsonObject, Message, ModelReply, ReplyPart } from "@agentflow/protocol";
import { at, isObject, listOf, textAt } from "../../json.ts";
import type { Beat } from "../../script/index.ts";
import {
  type Answering,
  type Asked,
  type Chunk,
  type Dialect,
  callPart,
  callsOf,
  contentText,
  createdAt,
  inputOf,
  reasoningOf,
  resultValue,
  textOfReply,
  toolNames,
  toolOf,
} from "../dialect.ts";

export const ollama: Dialect = {
  name: "ollama",
  read,
  whole: (answering) => lineOf(answering, { content: contentOf(answering.reply), ...rest(answering) }, true),
  streamType: "application/x-ndjson",
  stream,
  failure: ({ failure, status, message }) => ({
    status,
    body: {
      error:
        failure === "context_overflow" ? `input length exceeds maximum context length: ${message}` : message,
    },
  }),
};

function read(body: Json): Asked | string {
  const messages: Message[] = [];
  for (const message of listOf(at(body, "messages"))) messages.push(messageOf(message, toolNames(messages)));
  if (messages.length === 0) return "messages is missing: a list of messages is expected";
  const format = at(body, "format");
  return {
    // Ollama streams unless it is told not to.
    stream: at(body, "stream") !== false,
    request: {
      model: textAt(body, "model"),
      messages,
      tools: listOf(at(body, "tools")).map((tool) => toolOf(at(tool, "function") ?? {}, "parameters")),
      ...(isObject(format) ? { output: format } : {}),
      ...(format === "json" ? { anyJson: true } : {}),
    },
  };
}

function messageOf(message: Json, names: ReadonlyMap<string, string>): Message {
  const text = contentText(at(message, "content"));
  switch (textAt(message, "role")) {
    case "system":
      return { role: "system", text };
    case "assistant":
      return {
        role: "assistant",
        parts: [...(text === "" ? [] : [{ kind: "text" as const, text }]), ...callsIn(message)],
      };
    case "tool": {
      const id = textAt(message, "tool_call_id");
      const tool = names.get(id) ?? textAt(message, "tool_name");
      return { role: "tool", results: [{ id, tool, output: resultValue(text) }] };
    }
    default:
      return { role: "user", text };
  }
}

function callsIn(message: Json): ReplyPart[] {
  return listOf(at(message, "tool_calls")).map((call) =>
    callPart(textAt(call, "id"), textAt(call, "function", "name"), at(call, "function", "arguments")),
  );
}

const finishes: { readonly [K in FinishReason]: string } = {
  stop: "stop",
  length: "length",
  tool_calls: "stop",
  content_filter: "stop",
  error: "error",
  other: "unload",
};

/** Ollama reads calls out of the model's text: one that it cannot read stays text. */
function brokenText(part: ReplyPart): string {
  if (part.kind !== "call" || part.text === undefined) return "";
  return `{"name": ${JSON.stringify(part.tool)}, "arguments": ${part.text}`;
}

function contentOf(reply: ModelReply): string {
  return textOfReply(reply) + reply.parts.map((part) => brokenText(part)).join("");
}

function rest({ reply }: Answering): JsonObject {
  const calls = callsOf(reply).flatMap((call) => (call.text === undefined ? [toolCall(call)] : []));
  const thinking = reasoningOf(reply);
  return { ...(thinking === "" ? {} : { thinking }), ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

function toolCall(call: Extract<ReplyPart, { kind: "call" }>): JsonObject {
  return { id: call.id, function: { name: call.tool, arguments: inputOf(call) } };
}

function lineOf({ reply }: Answering, message: JsonObject, done: boolean): JsonObject {
  const head = { model: reply.model ?? "scripted", created_at: createdAt };
  const said = { message: { role: "assistant", ...message }, done };
  if (!done) return { ...head, ...said };
  return {
    ...head,
    ...said,
    done_reason: finishes[reply.finish],
    total_duration: 1,
    load_duration: 0,
    prompt_eval_count: reply.usage.inputTokens,
    prompt_eval_duration: 1,
    eval_count: reply.usage.outputTokens,
    eval_duration: 1,
  };
}

function stream(answering: Answering): (beat: Beat) => readonly Chunk[] {
  const line = (message: JsonObject, done = false): string =>
    `${JSON.stringify(lineOf(answering, message, done))}\n`;
  return (beat) => {
    switch (beat.kind) {
      case "begin": {
        if (beat.part.kind !== "call") return [];
        const broken = brokenText(beat.part);
        return [
          line(broken === "" ? { content: "", tool_calls: [toolCall(beat.part)] } : { content: broken }),
        ];
      }
      case "delta":
        if (beat.part.kind === "call") return [];
        return [
          line(beat.part.kind === "text" ? { content: beat.text } : { content: "", thinking: beat.text }),
        ];
      case "malformed":
        return ['{"model":"broken","message":{"role":"assi\n'];
      case "finish":
        return [line({ content: "" }, true)];
      default:
        return [];
    }
  };
}
