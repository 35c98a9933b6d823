/** What one call of a model is given by whoever makes it. */
export interface CallHouse {
  /** Aborts with an `Error` that says why: its message is the failure's. */
  readonly signal: AbortSignal;
  readonly piece: (piece: Piece) => void;
  /** Anything came in: the answer is alive. */
  readonly alive: () => void;
}

/** A piece of a reply as it comes in. */
export type Piece =
  | { readonly kind: "text" | "reasoning"; readonly text: string }
  | { readonly kind: "call"; readonly tool: string };
