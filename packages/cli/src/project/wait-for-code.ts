/** Waits until a worker of an installation runs this very code: then it is known what tools there are. */
import { AgentFlowError, type RegisterWorker, showDuration } from "@agentflow/protocol";
import { setTimeout as sleep } from "node:timers/promises";
import type { Registrar } from "./registrar.ts";

export interface CodeWait {
  /** As the manifest of the code names it. */
  readonly code: string;
  /** Of this build, where one is named. */
  readonly build?: string | undefined;
  readonly waitMs: number;
  /** Told once, when there is something to wait for. */
  readonly onWait: () => void;
}

const lookEveryMs = 500;

/** Throws `timeout` when there is none in time; an installation that is not there yet is waited for. */
export async function waitForCode(
  registrar: Pick<Registrar, "workers">,
  { code, build, waitMs, onWait }: CodeWait,
): Promise<void> {
  const untilMs = performance.now() + waitMs;
  for (let look = 0; ; look++) {
    const { workers, error } = await lookFor(registrar);
    const wanted = workers.some(
      (worker) => worker.code === code && (build === undefined || worker.build === build),
    );
    if (wanted) return;
    if (performance.now() >= untilMs) throw nobody({ code, build, waitMs }, workers, error);
    if (look === 0) onWait();
    await sleep(lookEveryMs);
  }
}

interface Look {
  readonly workers: readonly RegisterWorker[];
  /** Nobody answered: the installation may be on its way. */
  readonly error?: AgentFlowError;
}

async function lookFor(registrar: Pick<Registrar, "workers">): Promise<Look> {
  try {
    return { workers: await registrar.workers() };
  } catch (error) {
    if (!AgentFlowError.is(error) || (error.code !== "unavailable" && error.code !== "timeout")) throw error;
    return { workers: [], error };
  }
}

function nobody(
  { code, build, waitMs }: Pick<CodeWait, "code" | "build" | "waitMs">,
  workers: readonly RegisterWorker[],
  error: AgentFlowError | undefined,
): AgentFlowError {
  const others = workers.map((one) => `${one.worker} (${one.build} ${one.code ?? "no code"})`);
  const there =
    error !== undefined
      ? error.message
      : others.length === 0
        ? "there are none"
        : `there are ${others.slice(0, 5).join(", ")}`;
  const of = build === undefined ? "" : ` as build ${build}`;
  return new AgentFlowError(
    "timeout",
    `no worker runs the code ${code}${of} after ${showDuration(waitMs)}: ${there}`,
    {
      reason: "no_worker_with_code",
      details: { code, ...(build === undefined ? {} : { build }), workers: others },
      suggestions:
        error === undefined
          ? ["af worker list", "af logs --level warn", "a longer --wait"]
          : [...error.suggestions, "a longer --wait"],
    },
  );
}
