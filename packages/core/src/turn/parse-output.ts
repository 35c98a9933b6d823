import { type Json, isDeeperThan, outputDepthMax } from "@agentflow/protocol";

/** The JSON of a reply. Models like to put it between fences: then what is within is taken. */
export function parseOutput(text: string): { readonly value: Json } | undefined {
  const json = unfenced(text.trim());
  if (isDeeperThan(json, outputDepthMax)) return undefined;
  try {
    return { value: JSON.parse(json) as Json };
  } catch {
    return undefined;
  }
}

/** By hand: an expression over a long text that does not match could take any time. */
function unfenced(text: string): string {
  const open = /^```(json)?\n/.exec(text)?.[0] ?? "";
  return open !== "" && text.endsWith("```") ? text.slice(open.length, -3) : text;
}
