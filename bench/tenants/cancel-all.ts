import { AgentFlowError, type RunId } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

/** Cancels every one of these runs, one request each; how many could be, and how many had ended. */
export async function cancelAll(
  client: Client,
  runs: readonly RunId[],
  inFlight: number,
): Promise<{ readonly cancelled: number; readonly ended: number }> {
  let at = 0;
  let cancelled = 0;
  let ended = 0;
  const loop = async (): Promise<void> => {
    for (let run = runs[at++]; run !== undefined; run = runs[at++]) {
      try {
        await client.runs.cancel(run, { reason: "noise" });
        cancelled++;
      } catch (error) {
        if (!AgentFlowError.is(error) || error.reason !== "run_already_ended") throw error;
        ended++;
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return { cancelled, ended };
}
