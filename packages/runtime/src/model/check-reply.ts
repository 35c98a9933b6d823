/** What a reply may hold before anybody relies on it: its length, and how deep its arguments nest. */
import { type CallPart, type ModelReply, isTooDeep } from "@agentflow/protocol";
import { parseJson } from "../channel/parse-json.ts";
import { ModelError } from "./model-error.ts";

/** Longest reply, in characters over all its parts. */
const replyCharsMax = 512 * 1024;
const partsMax = 1_000;
/** What is kept of arguments that cannot be used. */
const argumentsCharsMax = 4_096;

/** A count of what has come so far; throws once it is too much. */
export function countReply(chars: number, parts: number): void {
  if (chars > replyCharsMax) {
    throw new ModelError("model_bad_request", `the reply is longer than ${replyCharsMax} characters`);
  }
  if (parts > partsMax)
    throw new ModelError("model_bad_request", `the reply has more than ${partsMax} parts`);
}

/** The arguments of a call by their text: JSON that is not too deep, else the beginning of the text. */
export function argumentsOf(text: string): Pick<CallPart, "input" | "text"> {
  if (text.trim() === "") return { input: {} };
  try {
    if (!isTooDeep(text)) return { input: parseJson(text) };
  } catch {
    // No JSON: the model is shown what it wrote.
  }
  return { text: text.slice(0, argumentsCharsMax) };
}

/** A whole reply that did not come letter by letter. */
export function checkedReply(reply: ModelReply): ModelReply {
  let chars = 0;
  const parts = reply.parts.map((part) => {
    if (part.kind !== "call") {
      chars += part.text.length;
      return part;
    }
    const { input, text, ...rest } = part;
    const written = text ?? JSON.stringify(input ?? {});
    chars += written.length;
    return { ...rest, ...argumentsOf(written) };
  });
  countReply(chars, parts.length);
  return { ...reply, parts };
}
