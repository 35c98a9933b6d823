/** What a script's conditions and templates see of a request. */
import type { CallResult, Json, JsonObject, Message } from "@agentflow/protocol";
import type { ScriptRequest } from "./answer.ts";

export interface Conversation {
  /** The last message of the user. */
  readonly message: string;
  readonly instructions: string;
  /** Number of the reply that is asked for. */
  readonly turn: number;
  /** Results that the last messages hold; none when the user spoke last. */
  readonly results: readonly CallResult[];
  readonly messages: readonly { readonly role: string; readonly text: string }[];
  readonly tools: readonly string[];
  readonly structured: boolean;
  readonly inputTokens: number;
}

export function conversationOf(request: ScriptRequest): Conversation {
  const messages = request.messages.map((message) => ({ role: message.role, text: textOf(message) }));
  const system = messages.filter(({ role }) => role === "system").map(({ text }) => text);
  const chars = messages.reduce((sum, { text }) => sum + text.length, 0);
  const tools = request.tools.reduce((sum, tool) => sum + JSON.stringify(tool).length, 0);
  return {
    message: messages.findLast(({ role }) => role === "user")?.text ?? "",
    instructions: system.join("\n"),
    turn: 1 + messages.filter(({ role }) => role === "assistant").length,
    results: trailingResults(request.messages),
    messages,
    tools: request.tools.map(({ name }) => name),
    structured: request.output !== undefined || request.anyJson === true,
    inputTokens: Math.max(1, Math.ceil((chars + tools) / 4)),
  };
}

/** The names that templates see, and what stands under them. */
export function scopeOf(conversation: Conversation, more: JsonObject): JsonObject {
  const { message, messages, instructions, turn, tools } = conversation;
  const results = conversation.results.map(
    (result): Json => ({
      tool: result.tool,
      output: result.output,
      failed: result.failed ?? false,
    }),
  );
  return { message, messages, instructions, turn, tools, results, ...more };
}

export const scopeNames = [
  "message",
  "messages",
  "instructions",
  "turn",
  "tools",
  "results",
  "match",
  "model",
  "schema",
  "n",
];

function textOf(message: Message): string {
  switch (message.role) {
    case "assistant":
      return message.parts.map((part) => (part.kind === "call" ? callText(part) : part.text)).join("");
    case "tool":
      return message.results.map(({ output }) => JSON.stringify(output)).join("\n");
    default:
      return message.text;
  }
}

function callText(call: { readonly tool: string; readonly input?: Json; readonly text?: string }): string {
  return `${call.tool}(${call.text ?? JSON.stringify(call.input ?? null)})`;
}

/** Providers tell several results in one message or in several: here it is one list. */
function trailingResults(messages: readonly Message[]): readonly CallResult[] {
  const last = messages.findLastIndex(({ role }) => role !== "tool");
  return messages.slice(last + 1).flatMap((message) => (message.role === "tool" ? message.results : []));
}
