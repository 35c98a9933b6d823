import type { Sink } from "./sink.ts";

/** NO_COLOR, FORCE_COLOR, TERM=dumb and --no-color, as everywhere; colour by default on a terminal alone. */
export function colorFor(
  sink: Sink,
  environment: { readonly [name: string]: string | undefined },
  noColor: boolean,
): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (noColor || (NO_COLOR !== undefined && NO_COLOR !== "")) return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return sink.isTTY === true && TERM !== "dumb";
}
