/** What user code attaches to a log line, a span or a failure: whatever it is, the channel must carry it. */
import { isTooDeep, type Json, outputDepthMax } from "@agentflow/protocol";
import { parseJson } from "../channel/parse-json.ts";

export type Attached = { readonly [key: string]: Json };

/** Longest attachment, as JSON text. */
const attachedCharsMax = 65_536;

/** As JSON sees it now; in place of what is no JSON, or too much of it, one field says why it is missing. */
export function attached(value: unknown): Attached {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    return { dropped: `it is no JSON: ${why.slice(0, 200)}` };
  }
  if (text === undefined) return {};
  if (text.length > attachedCharsMax) {
    return { dropped: `${text.length} characters of JSON, over ${attachedCharsMax}` };
  }
  if (isTooDeep(text)) return { dropped: `nested deeper than ${outputDepthMax} levels` };
  const plain = parseJson(text);
  return isAttached(plain) ? plain : { value: plain };
}

function isAttached(value: Json): value is Attached {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
