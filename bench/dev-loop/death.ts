/** Everything dies at once with a run in flight, and `af dev` is typed again. */
import type { Client } from "@agentflow/sdk/client";
import { type Dev, startDev } from "../embedded/dev.ts";
import { parseOutput } from "../embedded/parse-output.ts";
import { sleep } from "../lib/children.ts";
import { commandLine, processTable, workingDir } from "../lib/process-table.ts";

export interface Death {
  readonly dev: Dev;
  /** From the restart's first instant to the end of the run that was in flight. */
  readonly finishedMs: number;
  /** Command lines of processes that lived a second after their installation was killed. */
  readonly orphans: readonly string[];
  readonly repeatedSteps: number;
}

/** `stepMs`: how long the step lasts in whose midst everything is killed. */
export async function dieAndReturn(
  dev: Dev,
  of: { readonly stepMs: number; readonly tree: boolean },
): Promise<Death> {
  const run = await startSlowRun(dev, of.stepMs);
  const family = dev.tree();
  await dev.kill(of.tree ? "tree" : "control");
  await sleep(1_000);
  const orphans = survivors(family, dev.dir);
  const beganMs = performance.now();
  const next = await startDev({ dir: dev.dir });
  const client = next.client();
  parseOutput(await client.runs.wait(run));
  const finishedMs = performance.now() - beganMs;
  const repeatedSteps = await repeated(client, run);
  client.close();
  return { dev: next, finishedMs, orphans, repeatedSteps };
}

/** A run whose first step is done and whose second has begun. */
async function startSlowRun(dev: Dev, stepMs: number): Promise<string> {
  const client = dev.client();
  const run = client.newRunId();
  await client.runs.start("slow", { ms: stepMs }, { run });
  for await (const { event } of client.runs.follow(run)) {
    if (event.kind === "step_succeeded" && event.step === "first") break;
  }
  await sleep(stepMs / 2);
  client.close();
  return run;
}

/** Zombies are dead; whatever works in the project's folder or belonged to the tree is an orphan. */
function survivors(family: readonly number[], dir: string): string[] {
  const alive = [...processTable().values()].filter(({ state }) => state !== "Z");
  const ours = alive.filter(({ pid }) => family.includes(pid) || workingDir(pid)?.startsWith(dir) === true);
  // Without a command line it has ended between the two looks.
  return ours.flatMap(({ pid }) => (commandLine(pid) === "" ? [] : `${pid} ${commandLine(pid).slice(-60)}`));
}

/** Steps that were done before the death and done again after it. */
async function repeated(client: Client, run: string): Promise<number> {
  const { events } = await client.runs.events(run, { limit: 1_000 });
  const done = events.filter(({ event }) => event.kind === "step_succeeded");
  const again = events.filter(
    ({ event }) => event.kind === "task_dispatched" && event.step === "first" && event.attempt > 1,
  );
  return Math.max(0, done.length - 3) + again.length;
}
