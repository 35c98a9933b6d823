/** One line of `af dev --json`, as far as the measurements read it. */
export interface DevLine {
  readonly kind: string;
  readonly url?: string;
  readonly pid?: number;
}

/** Undefined for what is no such line: a warning of Node, an empty one. */
export function parseDevLine(text: string): DevLine | undefined {
  try {
    const line = JSON.parse(text) as DevLine | null;
    return typeof line?.kind === "string" ? line : undefined;
  } catch {
    return undefined;
  }
}
