/** What strangers could make endless at the HTTP edge, each with its unit. */
export interface ServerLimits {
  /** TCP connections; further ones are closed at once. */
  readonly connectionsMax: number;
  /** Open WebSockets; further ones are `limit_exceeded`. */
  readonly socketsMax: number;
  /** Open server-sent streams; further ones are `limit_exceeded`. */
  readonly streamsMax: number;
  /** Unread bytes of one stream; then it ends after what is written, and its reader resumes by cursor. */
  readonly streamBytesMax: number;
  /** A reader that does not take the rest in this time is cut off. */
  readonly stallMs: number;
  /** A comment this often keeps proxies from closing a quiet stream, and a ping a quiet socket. */
  readonly keepAliveMs: number;
  /** From the first byte of a request to the end of its head, and to the end of its body. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly headerBytesMax: number;
}

export const serverLimits: ServerLimits = {
  connectionsMax: 10_000,
  socketsMax: 2_000,
  streamsMax: 2_000,
  streamBytesMax: 4 * 1024 * 1024,
  stallMs: 30_000,
  keepAliveMs: 15_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  headerBytesMax: 16 * 1024,
};
