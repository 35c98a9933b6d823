/** How deep a run's data may nest, and how that is found out without a stack that could end. */
import { AgentFlowError } from "./errors.ts";

/** Deeper than this is nobody's data, and whatever walks it by recursion could end on the stack. */
export const inputDepthMax = 63;

/** What a step gives back, or attaches to a line or a failure, may be a tree; it may not be a tunnel. */
export const outputDepthMax = 256;

/** Whether a JSON text nests deeper than an output may. Short texts, which cannot, are not looked at. */
export function isTooDeep(json: string): boolean {
  return json.length > 2 * outputDepthMax && isDeeperThan(json, outputDepthMax);
}

/** Whether lists and objects of a JSON text stand in more than so many levels. Strings are skipped. */
export function isDeeperThan(json: string, levelsMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const letter = json[at];
    if (letter === '"') at = endOfString(json, at);
    else if (letter === "[" || letter === "{") depth++;
    else if (letter === "]" || letter === "}") depth--;
    if (depth > levelsMax) return true;
  }
  return false;
}

function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end < 0 ? json.length : end;
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}

/**
 * An input's JSON text. Refuses with `invalid_input` what JSON cannot say and what nests too deep. Short
 * texts, which cannot be deep, are not looked at again.
 */
export function inputText(input: unknown): string {
  const text = written(input);
  if (text.length >= 2 * inputDepthMax && isDeeperThan(text, inputDepthMax)) throw inputTooDeep();
  return text;
}

function written(input: unknown): string {
  try {
    // Undefined for a function, which the types do not tell.
    const text: string | undefined = JSON.stringify(input);
    if (text !== undefined) return text;
  } catch (cause) {
    throw cause instanceof RangeError ? inputTooDeep() : noJson(cause);
  }
  throw noJson();
}

function inputTooDeep(): AgentFlowError {
  return new AgentFlowError("invalid_input", `the input is nested deeper than ${inputDepthMax} levels`, {
    reason: "input_too_deep",
    details: { levelsMax: inputDepthMax },
    suggestions: ["flatten it, or put it into a file or a store and pass where it lies"],
  });
}

function noJson(cause?: unknown): AgentFlowError {
  const why = cause instanceof Error ? `: ${cause.message.split("\n")[0] ?? ""}` : "";
  return new AgentFlowError("invalid_input", `the input cannot be written as JSON${why}`, {
    reason: "input_not_json",
    cause,
  });
}
