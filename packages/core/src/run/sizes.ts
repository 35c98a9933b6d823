/** How big values are, without writing them out when they are small. */
import { type Json, inlineBytesMax } from "@agentflow/protocol";

/** An escaped control character takes six bytes: nothing takes more for one UTF-16 unit. */
const worstBytesPerUnit = 6;

/** The JSON text of a value fits into a record. */
export function fitsInline(value: Json): boolean {
  const rough = roughBytes(value);
  if (rough > inlineBytesMax) return false;
  return rough * worstBytesPerUnit <= inlineBytesMax || jsonBytes(value) <= inlineBytesMax;
}

/** At most what the JSON text needs, counted without escapes and with one byte a character. */
export function roughBytes(value: unknown): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 2;
  let sum = 2;
  if (Array.isArray(value)) {
    for (const item of value) sum += roughBytes(item) + 1;
    return sum;
  }
  for (const [key, item] of Object.entries(value)) sum += key.length + 3 + roughBytes(item);
  return sum;
}

/** UTF-8 bytes of the JSON text. */
export function jsonBytes(value: unknown): number {
  const text = JSON.stringify(value);
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // A pair of surrogates is two units and four bytes; any other unit beyond 0x7ff is three bytes.
    const isPairHalf = unit >= 0xd800 && unit <= 0xdfff;
    bytes += unit < 0x800 || isPairHalf ? 1 : 2;
  }
  return bytes;
}
