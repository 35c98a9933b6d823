import type { RunAnswer } from "@agentflow/protocol";

/** The number that our workflows give; throws with the run's own words when it did not complete. */
export function parseOutput(answer: RunAnswer): number {
  const output = answer.output as { readonly n?: unknown } | null | undefined;
  if (answer.status === "completed" && typeof output?.n === "number") return output.n;
  const why = answer.failure?.message ?? JSON.stringify(answer.output);
  throw new Error(`run ${answer.run} ${answer.status}: ${why}`);
}
