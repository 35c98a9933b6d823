/** What is shown of a record: decoded, with known secrets hidden, and no more of it than was asked for. */
import type { Secrets } from "@agentflow/host/log";
import type { BusItem } from "@agentflow/protocol";
import { parseShown } from "./parse-shown.ts";

export interface ShowOptions {
  readonly hidden: Secrets | undefined;
  /** Texts that are longer are cut. */
  readonly charactersMax: number;
  readonly withheld?: BusItem["withheld"];
}

export function shownBody(
  text: string,
  options: ShowOptions,
): Pick<BusItem, "bytes" | "body" | "cut" | "withheld"> {
  const { hidden, charactersMax, withheld } = options;
  const bytes = Buffer.byteLength(text);
  if (withheld !== undefined) return { bytes, withheld };
  const masked = hidden === undefined || hidden.isEmpty() ? text : hidden.redact(text);
  if (masked.length > charactersMax) return { bytes, cut: masked.slice(0, charactersMax).toWellFormed() };
  return { bytes, body: parseShown(masked) };
}
