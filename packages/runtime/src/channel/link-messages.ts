/** Connections of a sandbox, which has no network: bytes travel on its channel, and its supervisor dials. */
export type LinkFromSandbox =
  | readonly ["dial", link: number, host: string, port: number]
  | readonly ["send", link: number, base64: string]
  /** It sends no more. */
  | readonly ["hang", link: number];

export type LinkToSandbox =
  | readonly ["dialled", link: number]
  | readonly ["data", link: number, base64: string]
  /** Over; with the reason when it never began, or broke off. */
  | readonly ["hung", link: number, reason?: string];

/** On the sandbox's own loopback, which nobody else has. */
export const egressPort = 3_128;
