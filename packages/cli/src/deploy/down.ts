/** `af down` in a cluster: all that `af deploy` brought there goes, its data stays unless told otherwise. */
import type { Standing, TakenDown, TakingDown } from "@agentflow/cluster/kubernetes";
import { exitCodes, showDuration } from "@agentflow/protocol";
import { contextPlaces } from "../config/context-places.ts";
import { removeContext } from "../config/contexts.ts";
import type { Output } from "../output/output.ts";
import { bold, cyan, dim, green } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import type { Downing } from "../targets/down.ts";
import { interruptedWork } from "../targets/failure.ts";
import { type Shown, showWork } from "../targets/progress.ts";
import { confirmationNeeded, runsInFlight, runsUnknown } from "../targets/runs-in-flight.ts";
import { changeLines, removalOf, titleOf } from "./changes.ts";
import { sayWhere } from "./common.ts";
import { openInstallation } from "./installation.ts";
import { type ClusterTarget, openClusterTarget } from "./open.ts";
import { whoDeploys } from "./who.ts";

/** Answers the exit code. */
export async function downInCluster(downing: Downing): Promise<number> {
  const { output, folder, target, volumes } = downing;
  using on = await openClusterTarget({ folder, environment: process.env, target, context: undefined });
  const { Access, realClusterPace, standingOf, takeDown } = await import("@agentflow/cluster/kubernetes");
  const { name, project } = on.project.target;
  const access = new Access(on.cluster, on.namespace);
  const of = { access, name: on.release, project: project.name, target: name };
  sayWhere(output, on);
  if (downing.plan) return sayPlan(downing, on, await standingOf(of));
  if (volumes && !(await mayDelete(downing, on, await standingOf(of)))) return exitCodes.ok;
  using interrupt = onInterrupt();
  const shown = showWork(output, on.release, 38);
  const startedMs = performance.now();
  try {
    const taken = await takeDown({
      ...of,
      data: volumes,
      ...(downing.endMs === undefined ? {} : { endMs: downing.endMs }),
      holder: whoDeploys().holder,
      pace: realClusterPace,
      signal: interrupt.signal,
      progress: downProgress(shown, on.release),
    });
    shown.close();
    await removeContext(contextPlaces({ folder: on.project.dir, environment: process.env }), name);
    report(output, { on, taken, ms: performance.now() - startedMs });
    return exitCodes.ok;
  } catch (error) {
    shown.close();
    throw interrupt.signal.aborted ? interruptedWork(`af down ${name}`) : error;
  }
}

function downProgress(shown: Shown, release: string): TakingDown["progress"] {
  return {
    step: (text) => {
      shown.step(text);
    },
    object: (title, state) => {
      shown.container(title.replace("/", " ").replace(`${release}-`, ""), state);
    },
  };
}

/** Refuses while runs are in flight; false when a person says no. */
async function mayDelete(downing: Downing, on: ClusterTarget, standing: Standing): Promise<boolean> {
  if (standing.data.length === 0) return true;
  if (!downing.force) await refuseRunsInFlight(on);
  if (downing.yes) return true;
  if (!downing.mayAsk) throw confirmationNeeded();
  const { confirm } = await import("@inquirer/prompts");
  const what = `${dataText(standing.data.map(titleOf))} of ${on.project.target.name} in ${on.where}`;
  return confirm(
    { message: `Delete ${what}, with all runs, keys and secrets?`, default: false },
    { output: process.stderr },
  );
}

async function refuseRunsInFlight(on: ClusterTarget): Promise<void> {
  const { name } = on.project.target;
  const { runs } = await askRuns(on).catch((cause: unknown) => {
    throw runsUnknown(name, { back: `af deploy ${name}`, cause });
  });
  const refusal = runsInFlight(name, runs);
  if (refusal !== undefined) throw refusal;
}

async function askRuns(on: ClusterTarget): Promise<{ readonly runs: Readonly<Record<string, number>> }> {
  await using there = await openInstallation(on);
  return await there.client.status();
}

function sayPlan({ output, volumes }: Downing, on: ClusterTarget, standing: Standing): number {
  const { name } = on.project.target;
  const changes = [...standing.objects, ...(volumes ? standing.data : [])].map(removalOf);
  const revisions = volumes ? standing.revisions : [];
  output.data({ ...placeOf(on), plan: true, changes, revisions });
  for (const change of changes) for (const line of changeLines(change)) output.line(line);
  const isNothing = changes.length + revisions.length === 0;
  if (isNothing) output.say([green("✓ "), "nothing to remove"]);
  else output.say([dim("carry it out: "), cyan(`af down ${name}${volumes ? " --volumes" : ""}`)]);
  return isNothing ? exitCodes.ok : exitCodes.changesPending;
}

function report(
  output: Output,
  { on, taken, ms }: { readonly on: ClusterTarget; readonly taken: TakenDown; readonly ms: number },
): void {
  const { name } = on.project.target;
  const { objects, dataRemoved, dataKept, revisionsRemoved, isNamespaceOurs } = taken;
  output.data({ ...placeOf(on), objects, dataRemoved, dataKept, revisionsRemoved }, { ms: Math.round(ms) });
  const nothing = objects.length + dataRemoved.length + revisionsRemoved.length === 0;
  const ended = objects.length === 0 ? "" : `: ${counted(objects.length, "object")} removed`;
  const what = nothing ? " was not up" : ` is down${ended}`;
  output.say([green("✓ "), bold(name), what, dim(`  ${showDuration(Math.round(ms))}`)]);
  if (dataRemoved.length > 0) {
    const gone = dataText(dataRemoved);
    output.say(dim(`${gone} and all that was in them are gone`));
    if (isNamespaceOurs)
      output.say([
        dim(`namespace ${on.namespace} stays, with whatever others have in it: `),
        cyan(`kubectl delete namespace ${on.namespace}`),
      ]);
  }
  if (dataKept.length > 0) {
    output.say([dim(`its data is kept in ${dataText(dataKept)}. go on: `), cyan(`af deploy ${name}`)]);
    output.say([dim("delete it: "), cyan(`af down ${name} --volumes`)]);
  }
}

function placeOf(on: ClusterTarget): Readonly<Record<string, string>> {
  const { context } = on.cluster.address;
  return { target: on.project.target.name, cluster: context, namespace: on.namespace, release: on.release };
}

/** `1 volume and 4 Secrets`. */
function dataText(titles: readonly string[]): string {
  const volumes = titles.filter((title) => title.startsWith("PersistentVolumeClaim/")).length;
  const secrets = titles.length - volumes;
  return [counted(volumes, "volume"), counted(secrets, "Secret")].filter((one) => one !== "").join(" and ");
}

function counted(count: number, word: string): string {
  return count === 0 ? "" : `${count} ${word}${count === 1 ? "" : "s"}`;
}
