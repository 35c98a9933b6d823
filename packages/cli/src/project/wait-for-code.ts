/** Waits until a worker of an installation runs this very code: then it is known what tools there are. */
import { AgentFlowError, showDuration } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { setTimeout as sleep } from "node:timers/promises";

export interface CodeWait {
  /** As the manifest of the code names it. */
  readonly code: string;
  readonly waitMs: number;
  /** Told once, when there is something to wait for. */
  readonly onWait: () => void;
}

const lookEveryMs = 500;

/** Throws `timeout` when there is none in time; an API that is not there yet is waited for as well. */
export async function waitForCode(client: Client, { code, waitMs, onWait }: CodeWait): Promise<void> {
  const untilMs = performance.now() + waitMs;
  for (let look = 0; ; look++) {
    const { running, others } = await lookFor(client, code);
    if (running) return;
    if (performance.now() >= untilMs) throw nobody(code, waitMs, others);
    if (look === 0) onWait();
    await sleep(lookEveryMs);
  }
}

async function lookFor(
  client: Client,
  code: string,
): Promise<{ running: boolean; others: readonly string[] }> {
  try {
    const { items } = await client.workers.list();
    const alive = items.filter((worker) => worker.alive);
    return {
      running: alive.some(({ manifest }) => manifest?.code === code),
      others: alive.map(({ worker, manifest }) => `${worker} (${manifest?.code ?? "no code"})`),
    };
  } catch (error) {
    if (!AgentFlowError.is(error) || (error.code !== "unavailable" && error.code !== "timeout")) throw error;
    return { running: false, others: [] };
  }
}

function nobody(code: string, waitMs: number, others: readonly string[]): AgentFlowError {
  const there = others.length === 0 ? "there are none" : `there are ${others.slice(0, 5).join(", ")}`;
  return new AgentFlowError(
    "timeout",
    `no worker runs the code ${code} after ${showDuration(waitMs)}: ${there}`,
    {
      reason: "no_worker_with_code",
      details: { code, workers: others },
      suggestions: ["af worker list", "af logs --level warn", "a longer --wait"],
    },
  );
}
