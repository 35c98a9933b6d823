/** A deploy from the command line: shown while it goes on, explained when it fails. */
import type { Deploying, DeployPlan, Release } from "@agentflow/cluster/kubernetes";
import { exitCodes } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { cyan, dim, green, yellow } from "../output/text.ts";
import type { Shown } from "../targets/progress.ts";
import { changeLines, deployChanges } from "./changes.ts";
import type { ClusterTarget } from "./open.ts";
import { deployProgress } from "./progress.ts";
import { whoDeploys } from "./who.ts";

export interface DeployWanted {
  readonly on: ClusterTarget;
  readonly release: Release;
  readonly secrets: Deploying["secrets"];
  readonly flags: {
    readonly wait: boolean;
    readonly "force-conflicts": boolean;
    readonly "prune-data": boolean;
    readonly reason: string | undefined;
  };
  readonly timeoutMs: number;
  readonly shown: Shown;
  readonly signal: AbortSignal;
  readonly rollbackTo?: number;
}

export async function deployingOf(wanted: DeployWanted): Promise<Deploying> {
  const { on, release, secrets, flags, timeoutMs, shown, signal, rollbackTo } = wanted;
  const { Access, realClusterPace } = await import("@agentflow/cluster/kubernetes");
  const { reason } = flags;
  return {
    access: new Access(on.cluster, on.namespace),
    release,
    secrets,
    force: flags["force-conflicts"],
    wait: flags.wait,
    timeoutMs,
    pruneData: flags["prune-data"],
    ...whoDeploys(),
    ...(reason === undefined ? {} : { reason }),
    ...(rollbackTo === undefined ? {} : { rollbackTo }),
    pace: realClusterPace,
    signal,
    progress: deployProgress(shown, release.name),
  };
}

/** `--plan`: answers on stdout; exit 16 when there is something to do. */
export function sayPlan(output: Output, on: ClusterTarget, plan: DeployPlan): void {
  const changes = deployChanges(plan.changes);
  const { name } = on.project.target;
  const made = `namespace ${on.namespace} is not there yet and will be made`;
  const notes = [...plan.notes, ...(plan.isNamespaceThere ? [] : [made])];
  output.data({
    target: name,
    cluster: on.cluster.address.context,
    namespace: on.namespace,
    offline: !plan.isNamespaceThere,
    changes,
    notes,
  });
  for (const note of notes) output.say(yellow(note));
  for (const change of changes) for (const line of changeLines(change)) output.line(line);
  if (!plan.isNamespaceThere)
    output.say(
      dim("planned without asking the cluster: nothing can be tried in a namespace that is not there"),
    );
  if (changes.length === 0) output.say([green("✓ "), "nothing to change"]);
  else {
    output.say([dim("carry it out: "), cyan(`af deploy ${name}`)]);
    process.exitCode = exitCodes.changesPending;
  }
}
