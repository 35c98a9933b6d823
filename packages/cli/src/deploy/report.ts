/** What a deploy has done, as people and scripts read it. */
import type { Deployed } from "@agentflow/cluster/kubernetes";
import { showDuration } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { bold, cyan, dim, green, yellow } from "../output/text.ts";
import { deployChanges } from "./changes.ts";
import { oldBuilds, sayOldBuilds } from "./old-builds.ts";
import type { ClusterTarget } from "./open.ts";
import type { PreparedRelease } from "./release.ts";

export interface DeployReport {
  readonly on: ClusterTarget;
  readonly deployed: Deployed;
  readonly build: string;
  readonly waited: boolean;
  readonly ms: number;
  readonly prepared?: PreparedRelease;
  /** Besides those of the plan. */
  readonly notes?: readonly string[];
}

export async function reportDeploy(output: Output, report: DeployReport): Promise<void> {
  const { on, deployed, build, waited, ms, prepared, notes = [] } = report;
  const { name } = on.project.target;
  const { plan, revision, isChanged, applied } = deployed;
  const old = waited ? await oldBuilds(on, deployed) : [];
  const changes = deployChanges(plan.changes).map(({ change, object }) => ({ change, object }));
  output.data(
    {
      target: name,
      cluster: on.cluster.address.context,
      namespace: on.namespace,
      release: on.release,
      revision,
      build,
      changed: isChanged,
      changes,
      applied,
      ready: waited,
      oldBuilds: old,
      ...(prepared === undefined ? {} : { images: prepared.images, built: prepared.built }),
      secretsMissing: prepared?.secrets.missing ?? [],
      notes: [...notes, ...plan.notes],
    },
    { ms: Math.round(ms) },
  );
  for (const note of [...notes, ...plan.notes]) output.say(yellow(note));
  const { problem, missing = [] } = prepared?.secrets ?? {};
  if (problem !== undefined) output.say(yellow(`what secrets the code needs is not known: ${problem}`));
  if (missing.length > 0) {
    const next = `af secrets set ${missing[0] ?? ""}, then af deploy`;
    output.say(yellow(`without a value here: ${missing.join(", ")}  (${next})`));
  }
  const what = changes.length === 0 ? "nothing had changed" : summary(changes);
  const state = waited ? " is deployed: " : " is applied, and not waited for: ";
  output.say([green("✓ "), bold(name), `${state}${what}`, dim(`  ${showDuration(Math.round(ms))}`)]);
  const next = waited ? `af status --context ${name}` : `af deploy status ${name}`;
  output.line(["revision ", bold(String(revision)), dim(`  build ${build}  next: `), cyan(next)]);
  sayOldBuilds(output, old, name);
}

function summary(changes: readonly { readonly change: string }[]): string {
  const words = { create: "created", change: "changed", replace: "replaced", remove: "removed" };
  return Object.entries(words)
    .map(([change, word]) => [changes.filter((one) => one.change === change).length, word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}
