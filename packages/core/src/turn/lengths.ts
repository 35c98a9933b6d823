/** How long things are as a model is told them, about. */
import { type Value, isInline } from "@agentflow/protocol";
import { turnLimits } from "./limits.ts";

/** The JSON text of a value; of one that stands by reference, its bytes. */
export function charsOf(value: Value): number {
  return isInline(value) ? toldChars(value.inline) : value.bytes;
}

export function toldChars(value: unknown): number {
  return JSON.stringify(value).length;
}

export function toldOutputChars(chars: number): number {
  return Math.min(chars, turnLimits.toldCharsMax);
}

export function tokensOf(chars: number): number {
  return Math.ceil(chars / turnLimits.charsPerToken);
}
