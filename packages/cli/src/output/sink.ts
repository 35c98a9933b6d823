/** Where text goes: a stream of this process, or a test's. */
export interface Sink {
  write(text: string): unknown;
  /** Tells that what was written has left. */
  on?(event: "drain" | "close", fn: () => void): unknown;
  off?(event: "drain" | "close", fn: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}
