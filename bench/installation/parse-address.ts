/** Where an embedded installation is, for those who may do everything in it. */
export interface EmbeddedAddress {
  readonly url: string;
  readonly token: string;
  readonly socket: string;
  readonly busToken: string;
}

export function parseAddress(raw: unknown): EmbeddedAddress {
  return raw as EmbeddedAddress;
}
