/** The messages of the next model call, built from what the journal says and nothing else. */
import {
  type BlobValue,
  type CallResult,
  type Json,
  type Message,
  type ModelRequest,
  type ToolForModel,
  type Value,
  isInline,
} from "@agentflow/protocol";
import { broken } from "../run/draft.ts";
import { turnLimits } from "./limits.ts";
import { parseMessages } from "./parse-messages.ts";
import type { TurnRules } from "./rules.ts";
import { type CallState, type Entry, type Loop, type TurnState, allCalls, callsOf } from "./state.ts";

/** The JSON of a value; those by reference were read beforehand, see `blobsOf`. */
export type Resolve = (value: Value) => Json;

/** `maxOutputTokens` is the agent's own: that of the command `call_model` takes its place. */
export function requestOf(state: TurnState, rules: TurnRules, resolve: Resolve): ModelRequest {
  const { output, spec } = rules;
  return {
    messages: messagesOf(state, resolve),
    tools: toolsOf(rules),
    ...(output === undefined ? {} : { output }),
    ...(spec.maxOutputTokens === undefined ? {} : { maxOutputTokens: spec.maxOutputTokens }),
    ...(spec.temperature === undefined ? {} : { temperature: spec.temperature }),
  };
}

/** Values by reference that the messages need. */
export function blobsOf(state: TurnState): readonly BlobValue[] {
  if (state.kind === "absent") return [];
  const blobs = isInline(state.started.messages) ? [] : [state.started.messages];
  for (const { stage } of allCalls(state)) {
    if (stage.kind === "returned" && !isInline(stage.output)) blobs.push(stage.output);
  }
  return blobs;
}

/** The whole conversation: none of it is left out, long outputs of calls are cut. */
export function messagesOf(state: TurnState, resolve: Resolve): readonly Message[] {
  if (state.kind === "absent") return [];
  const messages = firstMessages(state, resolve);
  for (const entry of state.entries) messages.push(...messagesOfEntry(state, entry, resolve));
  return messages;
}

/** An agent that took over speaks by its own instructions; what was said before stays. */
function firstMessages({ started, instructions }: Loop, resolve: Resolve): Message[] {
  const messages = parseMessages(resolve(started.messages));
  if (messages === undefined) throw broken("the first messages are not messages");
  if (instructions === undefined) return [...messages];
  const system: Message = { role: "system", text: instructions };
  const at = messages.findIndex(({ role }) => role === "system");
  return at < 0 ? [system, ...messages] : messages.with(at, system);
}

function messagesOfEntry(loop: Loop, entry: Entry, resolve: Resolve): readonly Message[] {
  if (entry.kind === "rejected") return [{ role: "user", text: askAgain(entry.problem) }];
  const { parts } = entry.reply;
  const said: Message[] = parts.length === 0 ? [] : [{ role: "assistant", parts }];
  const results = callsOf(loop, entry).flatMap((call) => resultOf(call, resolve) ?? []);
  return results.length === 0 ? said : [...said, { role: "tool", results }];
}

function askAgain(problem: string): string {
  return `This cannot be taken as the answer: ${problem}. Answer again, with nothing but the answer.`;
}

/** Undefined while the call has not ended. */
function resultOf({ part, stage }: CallState, resolve: Resolve): CallResult | undefined {
  const { id, tool } = part;
  switch (stage.kind) {
    case "returned":
      return { id, tool, output: toldOutput(resolve(stage.output)) };
    case "failed":
      return { id, tool, output: errorOf(stage.failure.code, stage.failure.message), failed: true };
    case "refused":
      return { id, tool, output: errorOf(stage.reason, stage.message), failed: true };
    case "handed":
      return { id, tool, output: { transferredTo: stage.to } };
    default:
      return undefined;
  }
}

function errorOf(code: string, message: string): Json {
  return { error: { code, message } };
}

function toldOutput(output: Json): Json {
  const text = JSON.stringify(output);
  if (text.length <= turnLimits.toldCharsMax) return output;
  const note = `cut: this is the beginning of ${text.length} characters of JSON`;
  return { note, beginning: text.slice(0, turnLimits.toldCharsMax).toWellFormed() };
}

function toolsOf({ callables }: TurnRules): readonly ToolForModel[] {
  return [...callables].map(([name, { description, input }]) => ({ name, description, input }));
}
