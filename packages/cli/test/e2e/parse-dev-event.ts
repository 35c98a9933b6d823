/** The door for what `af dev --json` writes. */
export interface DevEvent {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** Undefined for a line that is no object with a kind: a plain line. */
export function parseDevEvent(line: string): DevEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  const value = JSON.parse(line) as Partial<DevEvent>;
  return typeof value.kind === "string" ? (value as DevEvent) : undefined;
}

/** The address in `dev.json`. */
export function parseUrl(text: string): string | undefined {
  const file = JSON.parse(text) as { url?: unknown };
  return typeof file.url === "string" ? file.url : undefined;
}
