/** Whether every pod of a release does what it is there for. */
import { bad, type EngineCheck, good, note } from "../../docker/doctor/check.ts";
import { kubernetesLabels } from "../labels.ts";
import { seePods, type SeenPod } from "../inside/usage.ts";
import { releasesIn } from "../inside/place.ts";
import type { Look } from "./target.ts";

/** A line named `parts` says that it is deployed. */
export async function podChecks({ cluster, target }: Look, version: string): Promise<EngineCheck[]> {
  const { namespace } = target.settings;
  const of = { namespace, release: target.release };
  if (!(await releasesIn(cluster, namespace)).includes(target.release))
    return [note("deployed", `${target.name} is not deployed yet`, `af deploy ${target.name}`)];
  const [{ pods }, versions] = await Promise.all([seePods(cluster, of), versionsOf({ cluster, target })]);
  const ill = pods.flatMap((pod) => illness(pod, target.name));
  const again = pods.filter(({ restarts }) => restarts > 0);
  const others = versions.filter((one) => one !== version);
  return [
    ...(ill.length > 0
      ? ill
      : [good("parts", `all ${pods.length} pods of ${target.release} are as they should be`)]),
    ...(again.length === 0
      ? []
      : [
          note(
            "restarts",
            `started again: ${again.map(({ short, restarts }) => `${short} ${restarts} times`).join(", ")}`,
            `af logs --context ${target.name} --previous`,
          ),
        ]),
    others.length === 0
      ? good("versions", `every part is of af ${version}, as this is`)
      : note(
          "versions",
          `parts are of af ${others.join(", ")}, this is ${version}`,
          `af deploy ${target.name}`,
        ),
  ];
}

/** Jobs are done with when they have succeeded; everything else has to be ready. */
function illness({ name, short, state, why, ready }: SeenPod, target: string): EngineCheck[] {
  if (ready || state === "Succeeded") return [];
  const is = state === "Running" ? "running and not ready" : state;
  const said = `${short} is ${is}${why === "" ? "" : `: ${why}`}`;
  if (state === "Terminating" || state === "Running") return [note("parts", said)];
  return [bad("parts", said, `kubectl describe pod ${name}; af logs --context ${target} --source container`)];
}

async function versionsOf({ cluster, target }: Pick<Look, "cluster" | "target">): Promise<string[]> {
  const { items } = await cluster.ask("looking at what is deployed", ({ apps }) =>
    apps.listNamespacedDeployment({
      namespace: target.settings.namespace,
      labelSelector: `${kubernetesLabels.instance}=${target.release}`,
    }),
  );
  const own = items.flatMap(({ metadata }) => metadata?.labels?.[kubernetesLabels.version] ?? []);
  return [...new Set(own)].sort();
}
