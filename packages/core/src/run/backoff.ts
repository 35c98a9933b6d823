import type { PlanRetry } from "@agentflow/protocol";
import { runLimits } from "./limits.ts";

/**
 * The pause after the given number of failures. It is spread a little, by a hash instead of dice: the same
 * attempt always waits the same time, but many that failed together do not come back together.
 */
export function retryDelayMs(
  retry: PlanRetry,
  of: { readonly failures: number; readonly salt: string },
): number {
  const grown = retry.backoffMs * retry.factor ** (of.failures - 1);
  const capped = Math.min(grown, retry.maxBackoffMs);
  const spread = 1 + runLimits.retryJitter * (2 * fraction(of.salt) - 1);
  return Math.round(capped * spread);
}

/** A number from 0 up to 1 that follows from the text: FNV-1a. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The low bits of similar texts are alike: mix the high ones in.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
