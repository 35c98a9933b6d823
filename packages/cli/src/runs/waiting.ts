/** What a run that is silent waits for: asked of the installation when nothing has come for a while. */
import type { WhyReason } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { setTimeout as delay } from "node:timers/promises";

/** Nothing came for so long, and so long after each answer. */
const silentMs = 3_000;
/** What is told by its events, or is no waiting. */
const toldElsewhere = new Set(["approval", "outcome_unknown", "running", "completed", "failed", "cancelled"]);

export interface Waiting {
  readonly client: { readonly runs: Pick<Client["runs"], "why"> };
  readonly run: string;
  /** Each reason once, as long as it stays the same. */
  readonly onWait: (reason: WhyReason) => void;
  readonly signal: AbortSignal;
}

export class Silence {
  #heard = 0;

  /** Something came. */
  broken(): void {
    this.#heard++;
  }

  /** Tells of reasons until the signal; a question that fails is asked again: who waits sees to the rest. */
  async watch({ client, run, onWait, signal }: Waiting): Promise<void> {
    let told = new Set<string>();
    while (!signal.aborted) {
      const heard = this.#heard;
      await delay(silentMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || heard !== this.#heard) continue;
      const why = await client.runs.why(run, { signal }).catch(() => undefined);
      // What ended meanwhile waits for nothing.
      if (why === undefined || heard !== this.#heard || signal.aborted) continue;
      const waits = why.reasons.filter(({ reason }) => !toldElsewhere.has(reason));
      for (const wait of waits) if (!told.has(keyOf(wait))) onWait(wait);
      told = new Set(waits.map(keyOf));
    }
  }
}

function keyOf({ reason, step }: WhyReason): string {
  return `${reason} ${step ?? ""}`;
}
