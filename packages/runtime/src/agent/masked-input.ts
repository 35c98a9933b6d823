/**
 * What comes into a loop from outside, without secrets: what was said, given and thrown. What our own code
 * steers by stays as it is, whatever a secret is: somebody's is `2026`, or `text`.
 */
import type { TurnInput } from "@agentflow/core/turn";
import {
  type Answer,
  type Message,
  type ModelReply,
  type ReplyPart,
  type Value,
  isInline,
} from "@agentflow/protocol";
import { maskedFailure } from "../worker/masked-failure.ts";
import type { Masks } from "../worker/masks.ts";

export function maskedInput(input: TurnInput, masks: Masks): TurnInput {
  switch (input.kind) {
    case "model_replied":
      return { ...input, reply: maskedReply(input.reply, masks) };
    case "model_failed":
    case "call_failed":
    case "stopped":
      return { ...input, failure: maskedFailure(input.failure, masks) };
    case "call_returned":
      return { ...input, output: maskedValue(input.output, masks) };
    case "call_lost":
      return { ...input, reason: masks.text(input.reason) };
    case "handed_off":
      return { ...input, instructions: masks.text(input.instructions) };
    default:
      // Asks come from a journal, and an attempt's own words are masked one by one.
      return input;
  }
}

/** A provider may say anything, also in the name of its model and in the id of its answer. */
function maskedReply(reply: ModelReply, masks: Masks): ModelReply {
  const { model, id } = reply;
  return {
    ...reply,
    parts: reply.parts.map((part) => maskedPart(part, masks)),
    ...(model === undefined ? {} : { model: masks.text(model) }),
    ...(id === undefined ? {} : { id: masks.text(id) }),
  };
}

export function maskedMessages(messages: readonly Message[], masks: Masks): readonly Message[] {
  return messages.map((message): Message => {
    switch (message.role) {
      case "assistant":
        return { ...message, parts: message.parts.map((part) => maskedPart(part, masks)) };
      case "tool": {
        const results = message.results.map((one) => ({ ...one, output: masks.value(one.output) }));
        return { ...message, results };
      }
      default:
        return { ...message, text: masks.text(message.text) };
    }
  });
}

export function maskedAnswers(answers: readonly Answer[], masks: Masks): readonly Answer[] {
  return answers.map((answer) => {
    if (answer.kind === "approval") {
      return answer.comment === undefined ? answer : { ...answer, comment: masks.text(answer.comment) };
    }
    const { output, message } = answer;
    return {
      ...answer,
      ...(output === undefined ? {} : { output: maskedValue(output, masks) }),
      ...(message === undefined ? {} : { message: masks.text(message) }),
    };
  });
}

function maskedPart(part: ReplyPart, masks: Masks): ReplyPart {
  const meta = part.meta === undefined ? {} : { meta: masks.json(part.meta) };
  if (part.kind !== "call") return { ...part, text: masks.text(part.text), ...meta };
  const { input, text } = part;
  return {
    ...part,
    id: masks.text(part.id),
    tool: masks.text(part.tool),
    ...(input === undefined ? {} : { input: masks.value(input) }),
    ...(text === undefined ? {} : { text: masks.text(text) }),
    ...meta,
  };
}

function maskedValue(value: Value, masks: Masks): Value {
  return isInline(value) ? { inline: masks.value(value.inline) } : value;
}
