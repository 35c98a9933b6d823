/** Responses: what OpenAI's own package speaks unless told otherwise. */
import type { Json, JsonObject, Message, ModelReply, ReplyPart } from "@agentflow/protocol";
import { at, listOf, objectOf, textAt } from "../../json.ts";
import { type Beat, lettersOf } from "../../script/index.ts";
import {
  type Answering,
  type Asked,
  type Chunk,
  type Dialect,
  brokenSse,
  callPart,
  contentText,
  createdSeconds,
  resultValue,
  sse,
  toolNames,
  toolOf,
} from "../dialect.ts";
import type { Memory } from "../dialect.ts";
import { openaiFailure } from "./openai-errors.ts";

export const responses: Dialect = {
  name: "openai-responses",
  read: (body, { model, memory }) => read(body, model, memory),
  whole(answering) {
    const output = answering.reply.parts.map((part, i) => itemOf(part, answering.n, i));
    remember(output, answering.memory);
    return { ...head(answering, "completed"), output, ...ending(answering.reply) };
  },
  streamType: "text/event-stream; charset=utf-8",
  stream,
  failure: openaiFailure,
};

function read(body: Json, pathModel: string, memory: Memory): Asked | string {
  const input = at(body, "input");
  const items: readonly Json[] =
    typeof input === "string" ? [{ role: "user", content: input }] : listOf(input);
  if (items.length === 0) return "input is missing: a text or a list of items is expected";
  if (at(body, "previous_response_id") !== undefined) {
    return "previous_response_id is not kept here: send the whole conversation";
  }
  const messages: Message[] = [];
  const instructions = textAt(body, "instructions");
  if (instructions !== "") messages.push({ role: "system", text: instructions });
  for (const item of items) {
    const meant = textAt(item, "type") === "item_reference" ? memory.get(textAt(item, "id")) : item;
    if (meant === undefined) return `Item with id '${textAt(item, "id")}' not found.`;
    append(messages, meant);
  }
  const format = at(body, "text", "format");
  const schema = at(format, "schema");
  return {
    stream: at(body, "stream") === true,
    request: {
      model: textAt(body, "model") || pathModel,
      messages,
      tools: listOf(at(body, "tools")).map((tool) => toolOf(tool, "parameters")),
      ...(schema === undefined ? {} : { output: objectOf(schema) }),
      ...(textAt(format, "type") === "json_object" ? { anyJson: true } : {}),
    },
  };
}

/** Items of one reply stand one after the other: together they are one message. */
function append(messages: Message[], item: Json): void {
  const last = messages.at(-1);
  const said = saidIn(item);
  if (said !== undefined) {
    if (last?.role !== "assistant") messages.push({ role: "assistant", parts: [said] });
    else messages[messages.length - 1] = { role: "assistant", parts: [...last.parts, said] };
    return;
  }
  if (textAt(item, "type") === "function_call_output") {
    const id = textAt(item, "call_id");
    const tool = toolNames(messages).get(id) ?? "";
    const output = resultValue(contentText(at(item, "output")));
    messages.push({ role: "tool", results: [{ id, tool, output }] });
    return;
  }
  const text = contentText(at(item, "content"));
  const isSystem = ["system", "developer"].includes(textAt(item, "role"));
  messages.push({ role: isSystem ? "system" : "user", text });
}

function saidIn(item: Json): ReplyPart | undefined {
  const type = textAt(item, "type");
  if (type === "function_call") {
    return callPart(textAt(item, "call_id"), textAt(item, "name"), textAt(item, "arguments"));
  }
  if (type === "reasoning") return { kind: "reasoning", text: "" };
  if (textAt(item, "role") !== "assistant") return undefined;
  return { kind: "text", text: contentText(at(item, "content")) };
}

function head({ reply, n }: Answering, status: string): JsonObject {
  return {
    id: `resp_${n}`,
    object: "response",
    created_at: createdSeconds,
    status,
    model: reply.model ?? "scripted",
  };
}

function ending({ usage, finish }: ModelReply): JsonObject {
  const reasons: { readonly [finish: string]: string } = {
    length: "max_output_tokens",
    content_filter: "content_filter",
  };
  const reason = reasons[finish];
  return {
    ...(reason === undefined
      ? { status: "completed", incomplete_details: null }
      : { status: "incomplete", incomplete_details: { reason } }),
    usage: {
      input_tokens: usage.inputTokens,
      input_tokens_details: { cached_tokens: usage.cacheReadTokens ?? 0 },
      output_tokens: usage.outputTokens,
      output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
      total_tokens: usage.inputTokens + usage.outputTokens,
    },
  };
}

function itemOf(part: ReplyPart, n: number, i: number): JsonObject {
  const letters = lettersOf(part);
  switch (part.kind) {
    case "call":
      return {
        type: "function_call",
        id: `fc_${n}_${i}`,
        call_id: part.id,
        name: part.tool,
        arguments: letters,
        status: "completed",
      };
    case "reasoning":
      return { type: "reasoning", id: `rs_${n}_${i}`, summary: [{ type: "summary_text", text: letters }] };
    default:
      return {
        type: "message",
        id: `msg_${n}_${i}`,
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: letters, annotations: [] }],
      };
  }
}

const itemsKeptMax = 10_000;

function remember(items: readonly JsonObject[], memory: Memory): void {
  for (const item of items) memory.set(textAt(item, "id"), item);
  for (const id of memory.keys()) {
    if (memory.size <= itemsKeptMax) return;
    memory.delete(id);
  }
}

function stream(answering: Answering): (beat: Beat) => readonly Chunk[] {
  const { reply, n, memory } = answering;
  const items = reply.parts.map((part, i) => itemOf(part, n, i));
  let sequence = 0;
  const event = (type: string, data: JsonObject): string =>
    sse({ type, sequence_number: sequence++, ...data }, type);
  let begun = false;
  return (beat) => {
    const opening = begun
      ? []
      : [event("response.created", { response: { ...head(answering, "in_progress"), output: [] } })];
    begun = true;
    switch (beat.kind) {
      case "begin":
        return [...opening, ...begin(beat, items[beat.index] ?? {}, event)];
      case "delta":
        return [...opening, delta(beat, items[beat.index] ?? {}, event)];
      case "end":
        return [...opening, ...end(beat, items[beat.index] ?? {}, event)];
      case "malformed":
        return [...opening, brokenSse];
      case "finish": {
        remember(items, memory);
        const type = ["length", "content_filter"].includes(reply.finish) ? "incomplete" : "completed";
        const response = { ...head(answering, type), output: items, ...ending(reply) };
        return [...opening, event(`response.${type}`, { response })];
      }
      default:
        return opening;
    }
  };
}

type Event = (type: string, data: JsonObject) => string;
type Of<Kind extends Beat["kind"]> = Extract<Beat, { kind: Kind }>;

function begin({ part, index }: Of<"begin">, item: JsonObject, event: Event): string[] {
  const at = { output_index: index };
  const empty = { ...item, status: "in_progress", ...emptied(part) };
  const added = event("response.output_item.added", { ...at, item: empty });
  if (part.kind === "call") return [added];
  const place = { ...at, item_id: textAt(item, "id") };
  if (part.kind === "reasoning") {
    const summary = { ...place, summary_index: 0, part: { type: "summary_text", text: "" } };
    return [added, event("response.reasoning_summary_part.added", summary)];
  }
  const content = { ...place, content_index: 0, part: { type: "output_text", text: "", annotations: [] } };
  return [added, event("response.content_part.added", content)];
}

function emptied(part: ReplyPart): JsonObject {
  if (part.kind === "call") return { arguments: "" };
  return part.kind === "reasoning" ? { summary: [] } : { content: [] };
}

function delta({ part, index, text }: Of<"delta">, item: JsonObject, event: Event): string {
  const place = { item_id: textAt(item, "id"), output_index: index, delta: text };
  switch (part.kind) {
    case "call":
      return event("response.function_call_arguments.delta", place);
    case "reasoning":
      return event("response.reasoning_summary_text.delta", { ...place, summary_index: 0 });
    default:
      return event("response.output_text.delta", { ...place, content_index: 0 });
  }
}

function end({ part, index }: Of<"end">, item: JsonObject, event: Event): string[] {
  const place = { item_id: textAt(item, "id"), output_index: index };
  const letters = lettersOf(part);
  const done = event.bind(undefined, "response.output_item.done", { output_index: index, item });
  switch (part.kind) {
    case "call":
      return [event("response.function_call_arguments.done", { ...place, arguments: letters }), done()];
    case "reasoning": {
      const at = { ...place, summary_index: 0 };
      return [event("response.reasoning_summary_text.done", { ...at, text: letters }), done()];
    }
    default:
      return [event("response.output_text.done", { ...place, content_index: 0, text: letters }), done()];
  }
}
