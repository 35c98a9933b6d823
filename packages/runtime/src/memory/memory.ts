/** A session's memory as its record holds it. */
import type { Message } from "@agentflow/protocol";

/** One exchange that is kept word for word. */
export interface Exchange {
  /** `<run>:<step>`: an exchange is remembered once, whatever is tried again. */
  readonly by: string;
  readonly messages: readonly Message[];
}

export interface Memory {
  readonly v: 1;
  readonly kind: "memory";
  readonly agent: string;
  readonly session: string;
  /** What came before the exchanges, in the model's words. */
  readonly summary?: string;
  readonly exchanges: readonly Exchange[];
}
