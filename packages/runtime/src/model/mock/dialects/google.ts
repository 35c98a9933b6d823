/** Google's generateContent. */
import type {
  FinishReason,
  Json,
  JsonObject,
  Message,
  ModelReply,
  ReplyPart,
  ScriptFailure,
} from "@agentflow/protocol";
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
  resultValue,
  sse,
  toolOf,
} from "../dialect.ts";

export const google: Dialect = {
  name: "google",
  read: (body, { model, stream: streaming }) => read(body, model, streaming),
  whole: (answering) =>
    answerOf(
      answering,
      answering.reply.parts.flatMap((part) => partOf(part)),
      true,
    ),
  streamType: "text/event-stream",
  stream,
  failure,
};

function read(body: Json, model: string, streaming: boolean): Asked | string {
  if (!Array.isArray(at(body, "contents"))) return "contents is not specified";
  const messages: Message[] = [];
  const system = contentText(at(body, "systemInstruction", "parts"));
  if (system !== "") messages.push({ role: "system", text: system });
  for (const content of listOf(at(body, "contents"))) append(messages, content);
  const tools = listOf(at(body, "tools")).flatMap((tool) => listOf(at(tool, "functionDeclarations")));
  const config = at(body, "generationConfig");
  const schema = at(config, "responseJsonSchema") ?? at(config, "responseSchema");
  return {
    stream: streaming,
    request: {
      model,
      messages,
      tools: tools.map((tool) =>
        toolOf(tool, at(tool, "parametersJsonSchema") === undefined ? "parameters" : "parametersJsonSchema"),
      ),
      ...(isObject(schema) ? { output: schema } : {}),
      ...(textAt(config, "responseMimeType") === "application/json" ? { anyJson: true } : {}),
    },
  };
}

function append(messages: Message[], content: Json): void {
  const parts = listOf(at(content, "parts"));
  if (textAt(content, "role") === "model") {
    messages.push({ role: "assistant", parts: parts.map((part, i) => saidIn(part, i)) });
    return;
  }
  const results = parts.filter((part) => isObject(at(part, "functionResponse")));
  if (results.length > 0) messages.push({ role: "tool", results: results.map((part) => resultOf(part)) });
  const text = contentText(parts);
  if (text !== "" || results.length === 0) messages.push({ role: "user", text });
}

function saidIn(part: Json, i: number): ReplyPart {
  const call = at(part, "functionCall");
  if (isObject(call)) {
    return callPart(textAt(call, "id") || `call_${i}`, textAt(call, "name"), objectOf(at(call, "args")));
  }
  return { kind: at(part, "thought") === true ? "reasoning" : "text", text: textAt(part, "text") };
}

function resultOf(part: Json) {
  const answer = at(part, "functionResponse");
  const response = at(answer, "response");
  const content = at(response, "content") ?? at(response, "error") ?? response ?? null;
  const failed = at(response, "error") === undefined ? {} : { failed: true as const };
  const output = typeof content === "string" ? resultValue(content) : content;
  return { id: textAt(answer, "id"), tool: textAt(answer, "name"), output, ...failed };
}

const finishes: { readonly [K in FinishReason]: string } = {
  stop: "STOP",
  length: "MAX_TOKENS",
  tool_calls: "STOP",
  content_filter: "SAFETY",
  error: "OTHER",
  other: "OTHER",
};

/** Google sends arguments as objects: a call whose arguments are broken is none, and the reply says so. */
function partOf(part: ReplyPart): JsonObject[] {
  switch (part.kind) {
    case "call":
      if (part.text !== undefined) return [];
      return [{ functionCall: { id: part.id, name: part.tool, args: part.input ?? {} } }];
    case "reasoning":
      return [{ text: part.text, thought: true }];
    default:
      return [{ text: part.text }];
  }
}

function answerOf({ reply, n }: Answering, parts: readonly JsonObject[], isLast: boolean): JsonObject {
  return {
    candidates: [
      {
        content: { role: "model", parts },
        ...(isLast ? { finishReason: finishOf(reply) } : {}),
        index: 0,
      },
    ],
    ...(isLast ? { usageMetadata: usageOf(reply) } : {}),
    modelVersion: reply.model ?? "scripted",
    responseId: `resp-${n}`,
  };
}

function finishOf({ parts, finish }: ModelReply): string {
  const isBroken = parts.some((part) => part.kind === "call" && part.text !== undefined);
  return isBroken ? "MALFORMED_FUNCTION_CALL" : finishes[finish];
}

function usageOf({ usage }: ModelReply): JsonObject {
  const thoughts = usage.reasoningTokens ?? 0;
  return {
    promptTokenCount: usage.inputTokens,
    candidatesTokenCount: Math.max(0, usage.outputTokens - thoughts),
    thoughtsTokenCount: thoughts,
    cachedContentTokenCount: usage.cacheReadTokens ?? 0,
    totalTokenCount: usage.inputTokens + usage.outputTokens,
  };
}

function stream(answering: Answering): (beat: Beat) => readonly Chunk[] {
  const piece = (parts: readonly JsonObject[], isLast = false): string =>
    sse(answerOf(answering, parts, isLast));
  return (beat) => {
    switch (beat.kind) {
      case "begin":
        return beat.part.kind === "call" ? [piece(partOf(beat.part))] : [];
      case "delta":
        if (beat.part.kind === "call") return [];
        return [piece(partOf({ kind: beat.part.kind, text: beat.text }))];
      case "malformed":
        return ['data: {"candidates":[{"content":{"par\n\n'];
      case "finish":
        return [piece([], true)];
      default:
        return [];
    }
  };
}

const statuses: { readonly [K in ScriptFailure]: string } = {
  auth: "INVALID_ARGUMENT",
  forbidden: "PERMISSION_DENIED",
  model_not_found: "NOT_FOUND",
  bad_request: "INVALID_ARGUMENT",
  context_overflow: "INVALID_ARGUMENT",
  rate_limit: "RESOURCE_EXHAUSTED",
  overloaded: "UNAVAILABLE",
  server_error: "INTERNAL",
};

/** A wrong key is a 400 at Google: its details say that it is the key. */
function failure({ failure: kind, status, message }: Failing): FailureAnswer {
  const code = kind === "auth" ? 400 : status;
  const words: { readonly [kind: string]: string } = {
    auth: `API key not valid. Please pass a valid API key. ${message}`,
    context_overflow: `The input token count exceeds the maximum number of tokens allowed: ${message}`,
  };
  const details =
    kind === "auth"
      ? { details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }] }
      : {};
  return {
    status: code,
    body: { error: { code, message: words[kind] ?? message, status: statuses[kind], ...details } },
  };
}
