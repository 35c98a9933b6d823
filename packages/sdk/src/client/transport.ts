/** What the client needs of its surroundings; one for Node, one for browsers. */
export interface Transport {
  /** Where one address is lost, another one may answer at once. */
  readonly hasOthers?: boolean;
  /** One exchange. Throws `unavailable` when no answer came. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** The text of a streamed answer (SSE), piece by piece. Throws `unavailable` when it breaks. */
  stream(request: TransportRequest): AsyncIterable<string>;
  /** An answer that is a file, piece by piece. Throws `unavailable` when it breaks off. */
  bytes(request: TransportRequest): AsyncIterable<Uint8Array>;
  /** A WebSocket of the API; resolves once it is open. */
  socket(path: string, events: SocketEvents): Promise<SocketLike>;
  sha256(bytes: Uint8Array): Promise<Uint8Array>;
  random(bytes: number): Uint8Array;
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once this turn's work is done: what was said meanwhile leaves as one frame. */
  afterTurn(fn: () => void): void;
  close(): void;
}

export interface TransportRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** Done twice it would double: it is sent again only when surely nobody has taken it. */
  readonly once?: boolean;
  /** The answer may take this long: 30 s when left out. */
  readonly timeoutMs?: number;
}

export interface TransportResponse {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs?: number;
  /** The release that answered. */
  readonly version?: string;
}

export interface SocketEvents {
  message(text: string): void;
  /** The socket is gone, by whoever's will. */
  closed(reason: string): void;
}

export interface SocketLike {
  send(text: string): void;
  close(): void;
}

export interface ClientOptions {
  /**
   * Where the API listens, e.g. `http://127.0.0.1:4180`. Plain http only on loopback when a token is given.
   * Several, of one installation's control planes: when one of them is gone, the next is asked.
   */
  readonly url: string | readonly string[];
  readonly token?: string;
  /** For how long `unavailable` and `timeout` are retried (default 30 s). */
  readonly retryForMs?: number;
}
