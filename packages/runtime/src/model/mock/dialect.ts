/** A provider's language: how it asks, how it answers, and how it fails. */
import type { Json, JsonObject, Message, ModelReply, ReplyPart, ScriptFailure } from "@agentflow/protocol";
import { at, objectOf, textAt } from "../json.ts";
import { parseJson } from "../parse-json.ts";
import type { Beat, ScriptRequest } from "../script/index.ts";

export type Chunk = string | Uint8Array;

/** A request, read. */
export interface Asked {
  readonly request: ScriptRequest;
  readonly stream: boolean;
  /** JSON is asked for by a tool that is called `json`: the reply's text goes there. */
  readonly jsonTool?: true;
  /** The stream ends with the tokens used up. */
  readonly streamUsage?: boolean;
}

/** What an answer needs beside the reply. */
export interface Answering {
  readonly reply: ModelReply;
  readonly asked: Asked;
  /** Number of the call: ids are made of it, so they are the same each time. */
  readonly n: number;
  readonly memory: Memory;
}

/** Items that a provider keeps and that later requests only name. */
export type Memory = Map<string, Json>;

export interface Failing {
  readonly failure: ScriptFailure;
  readonly status: number;
  readonly message: string;
}

export interface Dialect {
  readonly name: string;
  /** Gives a sentence instead of a request that makes no sense. `model` is the one of the path. */
  read(
    body: Json,
    from: { readonly model: string; readonly stream: boolean; readonly memory: Memory },
  ): Asked | string;
  whole(answering: Answering): JsonObject;
  readonly streamType: string;
  /** A writer of one answer: beats in, pieces of the body out. */
  stream(answering: Answering): (beat: Beat) => readonly Chunk[];
  failure(failing: Failing): FailureAnswer;
}

export interface FailureAnswer {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers?: { readonly [name: string]: string };
}

/** All that is said in an answer happened at this instant: the same answer is the same bytes. */
export const createdSeconds = 1_767_225_600;
export const createdAt = "2026-01-01T00:00:00.000Z";

/** Server-sent events, as all but two send them. */
export function sse(data: Json, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}

export const brokenSse = 'data: {"id":"broken","choices":[{"delta":{"conte\n\n';

/** What a reply says beside its calls. */
export function textOfReply({ parts }: ModelReply): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}

export function reasoningOf({ parts }: ModelReply): string {
  return parts.map((part) => (part.kind === "reasoning" ? part.text : "")).join("");
}

export type Call = Extract<ReplyPart, { kind: "call" }>;

export function callsOf({ parts }: ModelReply): readonly Call[] {
  return parts.filter((part) => part.kind === "call");
}

/** A call's arguments as a provider that sends objects sends them; broken ones are text. */
export function inputOf(call: Call): Json {
  return call.input ?? call.text ?? {};
}

/** What a tool's result says: JSON when it is some. */
export function resultValue(content: string): Json {
  return parseJson(content) ?? content;
}

/** Text of a content that is a string, or a list of parts of which some hold text. */
export function contentText(content: Json | undefined): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: Json) => textAt(part, "text")).join("");
}

/** Names of tools by the ids of their calls: a result names only the id. */
export function toolNames(messages: readonly Message[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const message of messages) {
    if (message.role !== "assistant") continue;
    for (const part of message.parts) if (part.kind === "call") names.set(part.id, part.tool);
  }
  return names;
}

/** Part of a call as a request repeats it. */
export function callPart(id: string, tool: string, input: Json | string | undefined): ReplyPart {
  const value = typeof input === "string" ? parseJson(input) : input;
  if (value !== undefined) return { kind: "call", id, tool, input: value };
  return { kind: "call", id, tool, text: typeof input === "string" ? input : "" };
}

/** The JSON-by-tool way of providers without a better one. */
export function jsonToolOf(tools: readonly { readonly name: string; readonly input: JsonObject }[]): {
  readonly tools: readonly { readonly name: string; readonly input: JsonObject }[];
  readonly schema: JsonObject | undefined;
} {
  const json = tools.find(({ name }) => name === "json");
  return { tools: tools.filter((tool) => tool !== json), schema: json?.input };
}

/** The reply as it goes over the wire when JSON is asked for by a tool. */
export function throughJsonTool(reply: ModelReply): ModelReply {
  const text = textOfReply(reply);
  if (callsOf(reply).length > 0 || parseJson(text) === undefined) return reply;
  const input = parseJson(text) ?? null;
  return { ...reply, finish: "tool_calls", parts: [{ kind: "call", id: "call_json", tool: "json", input }] };
}

/** A tool's description and schema, wherever a dialect puts them. */
export function toolOf(
  tool: Json,
  schemaKey: string,
): {
  readonly name: string;
  readonly description: string;
  readonly input: JsonObject;
} {
  return {
    name: textAt(tool, "name"),
    description: textAt(tool, "description"),
    input: objectOf(at(tool, schemaKey)),
  };
}
