export type LedgerLine = readonly [run: string, step: string, callId: string];

/** Undefined for an empty line, and for one that a kill cut short. */
export function parseLedgerLine(text: string): LedgerLine | undefined {
  try {
    const line = JSON.parse(text) as unknown;
    return Array.isArray(line) && line.length === 3 ? (line as unknown as LedgerLine) : undefined;
  } catch {
    return undefined;
  }
}
