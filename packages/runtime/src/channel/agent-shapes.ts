/** Shapes of what a runner says of agents and models, checked by hand like all that it says. */
import { finishReasons } from "@agentflow/protocol";
import { field, isObject, isText } from "./shapes.ts";

/** An agent's description, or none: all that the driver of its loop relies on. */
export function isAgentOrNone(callable: object): boolean {
  const spec = field(callable, "agent");
  if (spec === undefined) return true;
  if (!isObject(spec)) return false;
  const limits = field(spec, "limits");
  return (
    ["model", "instructions"].every((name) => isText(field(spec, name))) &&
    ["agents", "handoffs"].every((name) => isTexts(field(spec, name))) &&
    isListOf(field(spec, "tools"), (tool) => isObject(tool) && isText(field(tool, "tool"))) &&
    isObject(limits) &&
    isCount(field(limits, "turns")) &&
    ["tokens", "usd", "timeMs"].every((name) => isMissingOr(isCount, field(limits, name))) &&
    isMissingOr(isText, field(spec, "prompt")) &&
    isMissingOr(isMemory, field(spec, "memory"))
  );
}

function isMemory(value: unknown): boolean {
  if (!isObject(value)) return false;
  const told = typeof field(value, "summary") === "boolean";
  return told && isText(field(value, "session")) && isCount(field(value, "window"));
}

/** `secrets` of a callable. */
export function isSecretsOrNone(callable: object): boolean {
  return isMissingOr(isTexts, field(callable, "secrets"));
}

export function isModelsOrNone(value: unknown): boolean {
  if (value === undefined) return true;
  return isObject(value) && Object.values(value).every(isModel);
}

function isModel(value: unknown): boolean {
  if (!isObject(value)) return false;
  const price = field(value, "price");
  const priced =
    price === undefined ||
    (isObject(price) &&
      ["input", "output"].every((name) => isCount(field(price, name))) &&
      ["cacheRead", "cacheWrite"].every((name) => isMissingOr(isCount, field(price, name))));
  return (
    priced &&
    ["provider", "model"].every((name) => isText(field(value, name))) &&
    ["baseUrl", "apiKey", "timeout", "script"].every((name) => isMissingOr(isText, field(value, name))) &&
    isMissingOr(isTexts, field(value, "fallbacks")) &&
    isMissingOr(isObject, field(value, "options"))
  );
}

export function isReply(value: unknown): boolean {
  if (!isObject(value)) return false;
  const usage = field(value, "usage");
  return (
    isListOf(field(value, "parts"), isReplyPart) &&
    finishReasons.some((reason) => reason === field(value, "finish")) &&
    isObject(usage) &&
    ["inputTokens", "outputTokens"].every((name) => isCount(field(usage, name))) &&
    ["cacheReadTokens", "cacheWriteTokens", "reasoningTokens"].every((name) =>
      isMissingOr(isCount, field(usage, name)),
    ) &&
    ["model", "id"].every((name) => isMissingOr(isText, field(value, name)))
  );
}

function isReplyPart(part: unknown): boolean {
  if (!isObject(part) || !isMissingOr(isObject, field(part, "meta"))) return false;
  switch (field(part, "kind")) {
    case "text":
    case "reasoning":
      return isText(field(part, "text"));
    case "call":
      return ["id", "tool"].every((name) => isText(field(part, name)));
    default:
      return false;
  }
}

/** Parts of what goes on: only what is shown is relied on. */
export function areParts(value: unknown): boolean {
  return isListOf(value, isPart);
}

function isPart(part: unknown): boolean {
  if (!isObject(part)) return false;
  switch (field(part, "kind")) {
    case "text":
    case "reasoning":
      return isText(field(part, "text")) && ["n", "from"].every((name) => isCount(field(part, name)));
    case "call":
      return isCount(field(part, "n")) && isText(field(part, "tool"));
    case "void":
      return isCount(field(part, "n")) && isText(field(part, "reason"));
    case "progress":
      return ["call", "message"].every((name) => isText(field(part, name)));
    default:
      return false;
  }
}

function isTexts(value: unknown): boolean {
  return isListOf(value, isText);
}

function isListOf(value: unknown, is: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function isMissingOr(is: (value: unknown) => boolean, value: unknown): boolean {
  return value === undefined || is(value);
}

/** A number as a count or a price may be: finite, not below zero. */
function isCount(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value < 1e15;
}
