/** Workers of builds before this one: those that no run needs any more may go. */
import type { Deployed } from "@agentflow/cluster/kubernetes";
import type { Output } from "../output/output.ts";
import { cyan, dim } from "../output/text.ts";
import { askBuilds, runsThatKeep } from "./installation.ts";
import type { ClusterTarget } from "./open.ts";

export interface OldBuild {
  readonly build: string;
  readonly openRuns: number;
}

/** Nothing when there are none, or nobody can tell: then there is nothing to offer. */
export async function oldBuilds(on: ClusterTarget, { plan }: Deployed): Promise<readonly OldBuild[]> {
  const builds = new Set(plan.kept.flatMap(({ build }) => (build === undefined ? [] : [build])));
  if (builds.size === 0) return [];
  const { list } = await askBuilds(on);
  return [...builds].flatMap((build) => {
    const openRuns = runsThatKeep(list, build);
    return openRuns === undefined ? [] : [{ build, openRuns }];
  });
}

export function sayOldBuilds(output: Output, old: readonly OldBuild[], target: string): void {
  const idle = old.filter(({ openRuns }) => openRuns === 0).map(({ build }) => build);
  for (const { build, openRuns } of old) {
    if (openRuns === 0) continue;
    const runs = openRuns === 1 ? "a run goes" : `${openRuns} runs go`;
    output.say([
      dim(`${runs} on with build ${build}: `),
      cyan(`af deploy drain ${build} --target ${target}`),
    ]);
  }
  if (idle.length === 0) return;
  const what = idle.length === 1 ? `build ${idle[0] ?? ""} has` : `builds ${idle.join(", ")} have`;
  output.say([dim(`${what} workers and no open run; remove them: `), cyan(`af deploy gc ${target}`)]);
}
