import type { Json, Message, ModelReply, ReplyPart } from "@agentflow/protocol";

/** Messages in the form that the conventions give `gen_ai.input.messages`, as JSON text. */
export function messagesText(messages: readonly Message[]): string {
  return JSON.stringify(messages.map(messageOf));
}

/** A reply in the form of `gen_ai.output.messages`, as JSON text. */
export function replyText({ parts, finish }: ModelReply): string {
  return JSON.stringify([{ role: "assistant", parts: parts.map(partOf), finish_reason: finishOf(finish) }]);
}

/** The conventions speak of one call where we speak of several. */
export function finishOf(finish: string): string {
  return finish === "tool_calls" ? "tool_call" : finish;
}

function messageOf(message: Message): Json {
  if (message.role === "assistant") return { role: "assistant", parts: message.parts.map(partOf) };
  if (message.role !== "tool")
    return { role: message.role, parts: [{ type: "text", content: message.text }] };
  const parts = message.results.map(({ id, output }) => ({
    type: "tool_call_response",
    id,
    response: output,
  }));
  return { role: "tool", parts };
}

function partOf(part: ReplyPart): Json {
  if (part.kind !== "call") return { type: part.kind, content: part.text };
  const { id, tool, input, text } = part;
  return { type: "tool_call", id, name: tool, arguments: input ?? text ?? null };
}
