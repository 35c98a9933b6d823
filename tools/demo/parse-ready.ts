/** What `af dev --json` says once it is ready, as far as the demo shows it. */
export interface Ready {
  readonly url: string;
  readonly readyMs: number;
  readonly tools: readonly string[];
  readonly durability: string;
}

export function parseReady(line: string): Ready {
  return JSON.parse(line) as Ready;
}
