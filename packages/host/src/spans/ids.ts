import { createHash } from "node:crypto";

/** The trace of a run, known to whoever knows its id: the first 16 bytes of the id's SHA-256, as hex. */
export function traceIdOf(run: string): string {
  return head(run, 32);
}

/** A span id that anybody can work out from the same words, e.g. run, step and attempt: 8 bytes, as hex. */
export function spanIdOf(seedText: string): string {
  return head(seedText, 16);
}

function head(text: string, digits: number): string {
  const hex = createHash("sha256").update(text, "utf8").digest("hex").slice(0, digits);
  return /^0+$/.test(hex) ? hex.replace(/0$/, "1") : hex;
}
