/** How a release is: its parts, its builds, who deploys, what was deployed last. */
import type { JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { releaseNames } from "../release.ts";
import type { Pace } from "../pace.ts";
import type { Access } from "./access.ts";
import { type Health, judge } from "./health.ts";
import { readInventory } from "./inventory.ts";
import { containerStatuses } from "./marks.ts";
import { at, kindOf, labelsOf, nameOf, numberAt, textAt, titleOf } from "./reading.ts";
import { listRevisions, type Revision } from "./revisions.ts";
import { isWorkload, look, podsOf, type Seen } from "./seen.ts";

export interface PartStatus {
  /** `Deployment/x`. */
  readonly object: string;
  readonly part: string;
  readonly build?: string;
  readonly state: Health["state"];
  readonly why?: string;
  readonly ready: number;
  readonly wanted: number;
  readonly restarts: number;
}

export interface DeployStatus {
  readonly release: string;
  readonly namespace: string;
  readonly revision?: Revision;
  /** Who deploys right now. */
  readonly deploying?: string;
  readonly parts: readonly PartStatus[];
  /** Of the workers that are there, the current one first. */
  readonly builds: readonly string[];
}

export async function deployStatus(
  access: Access,
  { name, pace }: { readonly name: string; readonly pace: Pace },
): Promise<DeployStatus> {
  const entries = await readInventory(access, name);
  const names = entries.filter(isWorkload);
  const [seen, revisions, lease] = await Promise.all([
    look(access, `${kubernetesLabels.instance}=${name}`),
    listRevisions(access, name),
    access.get({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", name: releaseNames.lease(name) }),
  ]);
  const parts = names.map(({ kind, name: of }) => {
    const found = seen.workloads.find((one) => kindOf(one) === kind && nameOf(one) === of);
    return found === undefined ? gone(`${kind}/${of}`) : partStatus(found, seen, pace);
  });
  const revision = revisions.at(-1);
  const holder = textAt(lease, "spec", "holderIdentity");
  return {
    release: name,
    namespace: access.namespace,
    ...(revision === undefined ? {} : { revision }),
    ...(holder !== "" && lease !== undefined && isValid(lease, pace) ? { deploying: holder } : {}),
    parts,
    builds: buildsOf(parts, revision?.build),
  };
}

/** Only for people: an expired one is not shown. Whoever takes it looks more closely. */
function isValid(lease: JsonObject, pace: Pace): boolean {
  const renewed = Date.parse(textAt(lease, "spec", "renewTime"));
  return pace.nowMs() < renewed + numberAt(lease, "spec", "leaseDurationSeconds") * 1_000;
}

function gone(object: string): PartStatus {
  return { object, part: "", state: "failed", why: "is not there", ready: 0, wanted: 1, restarts: 0 };
}

function partStatus(workload: JsonObject, seen: Seen, pace: Pace): PartStatus {
  const judging = { nowMs: pace.nowMs(), since: new Map(), before: new Map(), graceMs: 0 };
  const health = judge(workload, seen, judging);
  const labels = labelsOf(workload);
  const build = labels[kubernetesLabels.build];
  const isJob = kindOf(workload) === "Job";
  const told = at(workload, "spec", "replicas");
  const restarts = podsOf(workload, seen).flatMap((pod) =>
    containerStatuses(pod).map((one) => numberAt(one, "restartCount")),
  );
  const why =
    health.state === "failed" ? health.message : health.state === "waiting" ? health.why : undefined;
  return {
    object: titleOf(workload),
    part: labels[kubernetesLabels.part] ?? "",
    ...(build === undefined ? {} : { build }),
    state: health.state,
    ...(why === undefined ? {} : { why }),
    ready: numberAt(workload, "status", isJob ? "succeeded" : "readyReplicas"),
    wanted: isJob || typeof told !== "number" ? 1 : told,
    restarts: restarts.reduce((sum, one) => sum + one, 0),
  };
}

function buildsOf(parts: readonly PartStatus[], current: string | undefined): readonly string[] {
  const workers = parts.filter(({ part }) => part.startsWith("worker-"));
  const builds = new Set(workers.flatMap(({ build }) => (build === undefined ? [] : [build])));
  return [...builds].sort((a, b) => Number(b === current) - Number(a === current) || (a < b ? -1 : 1));
}
