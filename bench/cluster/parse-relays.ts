/** What the relays are told, by argument and by message. */
export interface RelayTo {
  readonly address: string;
  readonly from: number;
  readonly to: number;
  /** The node's own address. */
  readonly target: string;
}

export function parseRelays(text: string): readonly RelayTo[] {
  return JSON.parse(text) as readonly RelayTo[];
}

/** Node and milliseconds, of every node that is slow. */
export function parseSlow(message: unknown): ReadonlyMap<number, number> {
  return new Map(message as readonly [number, number][]);
}
