/** `af restore --target`: a backup into an installation of containers. */
import { AgentFlowError } from "@agentflow/protocol";
import { stat } from "node:fs/promises";
import type { Output } from "../output/output.ts";
import { parseRestored, type RestoredThere } from "../parse-restored.ts";
import { onInterrupt } from "../runs/detach.ts";
import { askInstallation } from "./answer.ts";
import { interruptedWork, sayLastLines } from "./failure.ts";
import { openInstalled } from "./installed.ts";
import { showWork } from "./progress.ts";

export interface RestoringTarget {
  readonly folder: string;
  readonly target: string;
  readonly file: string;
  readonly acceptFaults: boolean;
  readonly output: Output;
}

const startMs = 300_000;

/** The control planes and workers of the target end meanwhile, and are started again in any case. */
export async function restoreTarget(restoring: RestoringTarget): Promise<RestoredThere> {
  const { folder, target, file, acceptFaults, output } = restoring;
  const bytes = await sizeOf(file);
  await using here = await openInstalled({ folder, environment: process.env, target, context: undefined });
  using interrupt = onInterrupt();
  const { of, engine } = here;
  await refuseRuns(here.project.dir, of.target);
  const progress = showWork(output, `${of.project}-${of.target}`);
  try {
    const { realPace, restoreInto } = await import("@agentflow/cluster/docker");
    const end = await restoreInto({
      engine,
      of,
      file: { path: file, bytes },
      flags: acceptFaults ? ["--accept-faults"] : [],
      said: (line) => progress.line(line),
      progress,
      signal: interrupt.signal,
      timeoutMs: startMs,
      pace: realPace,
    });
    progress.close();
    if (interrupt.signal.aborted) throw interrupted(restoring);
    return parseRestored(end);
  } catch (error) {
    progress.close();
    sayLastLines(output, error);
    throw interrupt.signal.aborted ? interrupted(restoring) : error;
  }
}

/** Before anything is ended: where it answers and has runs, the restore would be refused. */
async function refuseRuns(dir: string, target: string): Promise<void> {
  const answer = await askInstallation(dir, target, 1).catch(() => undefined);
  const count = Object.values(answer?.runs ?? {}).reduce((sum, one) => sum + one, 0);
  if (count === 0) return;
  const many = `${count} ${count === 1 ? "run" : "runs"}`;
  throw new AgentFlowError("refused", `${target} has ${many} already: it must be empty`, {
    reason: "not_empty",
    details: { target, runs: count },
    suggestions: [
      `keep them: af backup --context ${target}`,
      `delete them: af down ${target} --volumes, then af up ${target} and af restore once more`,
    ],
  });
}

function interrupted({ file, target }: RestoringTarget): AgentFlowError {
  return interruptedWork(`af restore ${file} --target ${target}`);
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() === true) return found.size;
  throw new AgentFlowError("not_found", `there is no file ${file}`, { reason: "no_such_file" });
}
