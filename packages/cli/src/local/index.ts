import { holdHeap } from "@agentflow/host/heap";
import type { DevOptions } from "./dev-options.ts";

/** `af dev` until it is told to stop; the exit code. */
export async function runDev(options: DevOptions): Promise<number> {
  // First of all: what is loaded next would let the young generation grow to its end.
  holdHeap();
  const dev = await import("./dev.ts");
  return dev.runDev(options);
}
