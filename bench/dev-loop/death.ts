/** kill -9 of a part, or of everything, with a run in flight: what is left of it, when the run goes on. */
import type { RunEventView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { type Dev, type Part, startDev } from "../embedded/dev.ts";
import { sleep } from "../lib/children.ts";
import { commandLine, descendants, processTable, workingDir } from "../lib/process-table.ts";

export interface Blow {
  readonly part: Part;
  /** The step in flight blocks its process and has a child of its own. */
  readonly blocking: boolean;
  /** How long that step lasts. */
  readonly stepMs: number;
}

export interface Death {
  readonly dev: Dev;
  /**
   * Until the first event of the run that was in flight: from the start of the next `af dev`, or from the
   * kill when that was not needed. Undefined: never.
   */
  readonly wentOnMs: number | undefined;
  /** Command lines of processes that lived a second after what they belonged to was killed. */
  readonly orphans: readonly string[];
  readonly repeatedSteps: number;
  readonly fate: "completed" | "lost" | "stuck";
}

/** A run that has not ended so long after the kill is stuck. */
const stuckMs = 20_000;

/** Every part in turn and everything at once, each with code that waits and with code that blocks. */
export function blows(count: number, stepMs: number): readonly Blow[] {
  const parts: readonly Part[] = ["tree", "control", "supervisor", "runner"];
  return Array.from({ length: count }, (_, i) => ({
    part: parts[i % parts.length] ?? "tree",
    blocking: Math.floor(i / parts.length) % 2 === 1,
    stepMs,
  }));
}

export async function dieAndGoOn(dev: Dev, { part, blocking, stepMs }: Blow): Promise<Death> {
  const run = await startSlowRun(dev, { stepMs, blocking });
  const family = descendants([...dev.pidsOf(part)]);
  const whole = part === "tree" || part === "control";
  const all = whole ? dev.tree() : family;
  const watch = whole ? undefined : watchRun(dev, run);
  const killedMs = performance.now();
  await dev.kill(part);
  await sleep(1_000);
  const orphans = whole ? survivors(all, dev.dir) : survivors(all);
  const beganMs = whole ? performance.now() : killedMs;
  const next = whole ? await startDev({ dir: dev.dir }) : dev;
  const seen = await (watch ?? watchRun(next, run));
  const client = next.client();
  const repeatedSteps = seen.fate === "lost" ? 0 : await repeated(client, run);
  client.close();
  const wentOnMs = seen.wentOnMs === undefined ? undefined : seen.wentOnMs - beganMs;
  return { dev: next, wentOnMs, orphans, repeatedSteps, fate: seen.fate };
}

/** A run whose first step is done and whose second has begun. */
async function startSlowRun(dev: Dev, of: { stepMs: number; blocking: boolean }): Promise<string> {
  const client = dev.client();
  const run = client.newRunId();
  await client.runs.start(of.blocking ? "stubborn" : "slow", { ms: of.stepMs }, { run });
  for await (const { event } of client.runs.follow(run)) {
    if (event.kind === "step_succeeded" && event.step === "first") break;
  }
  await sleep(of.stepMs / 2);
  client.close();
  return run;
}

/** Until its end, from what the history says after what was there before. */
async function watchRun(dev: Dev, run: string): Promise<Pick<Death, "fate"> & { wentOnMs?: number }> {
  const client = dev.client();
  let wentOnMs: number | undefined;
  try {
    const end = performance.now() + stuckMs;
    let fate: Death["fate"] = "stuck";
    while (fate === "stuck" && performance.now() < end) {
      const events = await client.runs.events(run, { limit: 1_000 }).catch(() => undefined);
      if (events !== undefined && events.events.some(isBeyondFirst)) wentOnMs ??= performance.now();
      fate = await fateOf(client, run);
      if (fate === "stuck") await sleep(20);
    }
    return { fate, ...(wentOnMs === undefined ? {} : { wentOnMs }) };
  } finally {
    client.close();
  }
}

/** What cannot have been there before the kill: the second step was in its midst. */
function isBeyondFirst({ event }: RunEventView): boolean {
  return (
    event.kind === "attempt_lost" ||
    (event.kind === "task_dispatched" && event.step === "second" && event.attempt > 1) ||
    (event.kind === "step_succeeded" && event.step !== "first")
  );
}

async function fateOf(client: Client, run: string): Promise<Death["fate"]> {
  try {
    const { status } = await client.runs.get(run);
    return status === "completed" ? "completed" : "stuck";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "not_found" ? "lost" : "stuck";
  }
}

/** What lives of the family, or works in the folder of an installation that died. Zombies are dead. */
function survivors(family: readonly number[], dir?: string): string[] {
  const alive = [...processTable().values()].filter(({ state }) => state !== "Z");
  const inside = (pid: number): boolean => dir !== undefined && workingDir(pid)?.startsWith(dir) === true;
  const ours = alive.filter(({ pid }) => family.includes(pid) || inside(pid));
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
