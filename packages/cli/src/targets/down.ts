/** `af down` on an engine: its containers end, its volumes stay unless told otherwise. */
import type { Removed } from "@agentflow/cluster/docker";
import { exitCodes } from "@agentflow/protocol";
import { contextPlaces } from "../config/context-places.ts";
import { removeContext } from "../config/contexts.ts";
import type { Output } from "../output/output.ts";
import { bold, cyan, dim, green } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { askInstallation } from "./answer.ts";
import { changeText, type ChangeView } from "./changes.ts";
import { interruptedWork } from "./failure.ts";
import { openInstalled, type OnEngine } from "./installed.ts";
import { showWork } from "./progress.ts";
import { confirmationNeeded, runsInFlight, runsUnknown } from "./runs-in-flight.ts";

export interface Downing {
  readonly output: Output;
  readonly mayAsk: boolean;
  readonly folder: string;
  readonly target: string;
  readonly plan: boolean;
  /** Data, keys and secrets too. */
  readonly volumes: boolean;
  readonly force: boolean;
  readonly yes: boolean;
  /** Longest time each is given to end; absent: what it was made with. */
  readonly endMs: number | undefined;
}

/** Answers the exit code. */
export async function downOnDocker(downing: Downing): Promise<number> {
  const { output, folder, volumes, endMs } = downing;
  await using here = await openInstalled({
    folder,
    environment: process.env,
    target: downing.target,
    context: undefined,
  });
  const { name } = here.project.target;
  if (downing.plan) return sayPlan(downing, here);
  if (volumes) {
    if (!downing.force) await refuseRunsInFlight(here);
    if (!downing.yes && !(await confirmed(here, downing.mayAsk))) return exitCodes.ok;
  }
  using interrupt = onInterrupt();
  const progress = showWork(output, `${here.of.project}-${here.of.target}`);
  try {
    const { removeInstallation } = await import("@agentflow/cluster/docker");
    const removed = await removeInstallation({
      engine: here.engine,
      of: here.of,
      volumes,
      progress,
      signal: interrupt.signal,
      ...(endMs === undefined ? {} : { timeoutMs: endMs }),
    });
    progress.close();
    await removeContext(contextPlaces({ folder: here.project.dir, environment: process.env }), name);
    report(output, here, removed);
    return exitCodes.ok;
  } catch (error) {
    progress.close();
    throw interrupt.signal.aborted ? interruptedWork(`af down ${name}`) : error;
  }
}

function sayPlan({ output, volumes }: Downing, { observed, project }: OnEngine): number {
  const { name } = project.target;
  const remove = (object: ChangeView["object"], named: string): ChangeView => ({
    change: "remove",
    object,
    name: named,
  });
  const changes = [
    ...observed.containers.map((one) => remove("container", one.name)),
    ...observed.volumes.filter(() => volumes).map((one) => remove("volume", one.name)),
  ];
  output.data({ target: name, plan: true, changes });
  for (const change of changes) output.line(changeText(change));
  if (changes.length === 0) output.say([green("✓ "), "nothing to remove"]);
  else output.say([dim("carry it out: "), cyan(`af down ${name}${volumes ? " --volumes" : ""}`)]);
  return changes.length === 0 ? exitCodes.ok : exitCodes.changesPending;
}

function report(
  output: Output,
  { observed, project }: OnEngine,
  { containers, network, volumes }: Removed,
): void {
  const { name } = project.target;
  const kept = observed.volumes.map((volume) => volume.name).filter((volume) => !volumes.includes(volume));
  output.data({ target: name, containers, network, volumesRemoved: volumes, volumesKept: kept });
  const nothing = containers === 0 && !network && volumes.length === 0;
  output.say([green("✓ "), bold(name), nothing ? " was not up" : ` is down: ${containers} containers ended`]);
  if (volumes.length > 0) output.say(dim(`${volumes.length} volumes and all that was in them are gone`));
  if (kept.length > 0) {
    output.say([dim(`its data is kept in ${kept.length} volumes. go on: `), cyan(`af up ${name}`)]);
    output.say([dim("delete it: "), cyan(`af down ${name} --volumes`)]);
  }
}

async function confirmed({ of, engine, observed }: OnEngine, mayAsk: boolean): Promise<boolean> {
  if (!mayAsk) throw confirmationNeeded();
  const { confirm } = await import("@inquirer/prompts");
  const count = observed.volumes.length;
  const where = `${of.target} of ${of.project} on ${engine.address.host}`;
  return confirm(
    { message: `Delete ${count} volumes of ${where}, with all runs, keys and secrets?`, default: false },
    { output: process.stderr },
  );
}

async function refuseRunsInFlight({ observed, project }: OnEngine): Promise<void> {
  if (!observed.volumes.some(({ holds }) => holds === "data")) return;
  const { name } = project.target;
  const { runs } = await askInstallation(project.dir, name, 2_000).catch((cause: unknown) => {
    throw runsUnknown(name, { back: `af up ${name}`, cause });
  });
  const refusal = runsInFlight(name, runs);
  if (refusal !== undefined) throw refusal;
}
