/**
 * What happens in an agent step as it happens: on `af.live.<tenant>.<run>`, not stored. May be lost; whatever
 * counts of it stands in the journal a moment later.
 */
import type { StepInstance } from "./ids.ts";
import type { Instant, Json } from "./json.ts";

export interface LiveMessage {
  readonly v: 1;
  readonly kind: "live";
  readonly at: Instant;
  readonly step: StepInstance;
  readonly attempt: number;
  /** From 1 within an attempt of the step: a gap says that something was lost on the way. */
  readonly seq: number;
  readonly parts: readonly LivePart[];
}

export type LivePart =
  /** A piece of the reply to model call `n`; `from` is the place of its first character in the whole text. */
  | { readonly kind: "text" | "reasoning"; readonly n: number; readonly from: number; readonly text: string }
  /** The model has begun to ask for a call; `index` counts those of its reply from 0, as followers get it. */
  | { readonly kind: "call"; readonly n: number; readonly tool: string; readonly index?: number }
  /** The reply to call `n` broke off: what was told of it is void, `n + 1` follows. */
  | { readonly kind: "void"; readonly n: number; readonly reason: string }
  /** What a tool says of its progress while it runs. */
  | { readonly kind: "progress"; readonly call: string; readonly message: string; readonly data?: Json };
