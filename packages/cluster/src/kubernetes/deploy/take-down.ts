/** Takes a release out of a cluster: what ran there ends, and its data stays unless told otherwise. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import type { Pace } from "../pace.ts";
import { releaseNames } from "../release.ts";
import type { Right } from "../rights.ts";
import { type Access, identityOf, type ObjectName } from "./access.ts";
import { removeObject } from "./apply.ts";
import { writeInventory } from "./inventory.ts";
import { heldText, type HeldLease, type Leasing, takeLease } from "./lease.ts";
import { ownLabels } from "./namespace.ts";
import { kindOf, nameOf, numberAt, textAt, titleOf } from "./reading.ts";
import { removeRevisions } from "./revisions.ts";

import { refuseMissing, rightsTo } from "./rights.ts";
import { isWorkload } from "./seen.ts";
import { type OfRelease, rankOf, rankOfPod, ranks, type Standing, standingOf } from "./standing.ts";

export interface TakingDown extends OfRelease {
  /** Volumes, keys, secrets and what the cluster remembers of deploys, too. */
  readonly data: boolean;
  /** Longest time each pod is given to end; absent: what it was made with. */
  readonly endMs?: number;
  /** Differs for each, as that of a deploy. */
  readonly holder: Leasing["holder"];
  readonly leaseMs?: number;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly progress: {
    step(text: string): void;
    /** `Deployment/x`: what runs pods. */
    object(title: string, state: "stopping" | "removed"): void;
  };
}

export interface TakenDown {
  /** `Deployment/x`, in order. */
  readonly objects: readonly string[];
  readonly dataRemoved: readonly string[];
  readonly dataKept: readonly string[];
  readonly revisionsRemoved: readonly number[];
  readonly isNamespaceOurs: boolean;
}

/** Refuses with all rights that are missing before anything goes. The namespace stays, whoever made it. */
export async function takeDown(taking: TakingDown): Promise<TakenDown> {
  const { access, name, progress, signal, pace } = taking;
  const first = await standingOf(taking);
  if (isNothing(first, taking.data)) return takenDown(taking, first);
  await refuseMissing(access, await neededRights(taking, first));
  const lease = await takeLease({
    access,
    name: releaseNames.lease(name),
    labels: ownLabels(taking),
    holder: taking.holder,
    pace,
    signal,
    onHeld: (held) => {
      progress.step(heldText(held));
    },
    ...(taking.leaseMs === undefined ? {} : { durationMs: taking.leaseMs }),
  });
  try {
    const under = { ...taking, signal: AbortSignal.any([signal, lease.lost]), lease };
    // What was there before the lease may have changed.
    const standing = await standingOf(taking);
    await carryOut(under, standing);
    if (taking.data) await lease.release({ remove: true });
    return takenDown(taking, standing);
  } catch (error) {
    const reason: unknown = lease.lost.reason;
    throw AgentFlowError.is(reason) && !AgentFlowError.is(error) ? reason : error;
  } finally {
    await lease.release();
  }
}

function isNothing({ objects, data, revisions, isKnown }: Standing, isDataToo: boolean): boolean {
  const kept = data.length + revisions.length > 0 || isKnown;
  return objects.length === 0 && !(isDataToo && kept);
}

function takenDown({ data }: TakingDown, standing: Standing): TakenDown {
  const titles = standing.data.map(titleOf);
  return {
    objects: standing.objects.map(titleOf),
    dataRemoved: data ? titles : [],
    dataKept: data ? [] : titles,
    revisionsRemoved: data ? standing.revisions : [],
    isNamespaceOurs: standing.isNamespaceOurs,
  };
}

interface UnderLease extends TakingDown {
  readonly lease: HeldLease;
}

async function carryOut(taking: UnderLease, standing: Standing): Promise<void> {
  const { access, name, progress, data } = taking;
  for (const rank of ranks) {
    const group = standing.objects.filter((one) => rankOf(one) === rank);
    const working = group.filter((one) => isWorkload({ kind: kindOf(one) }));
    if (group.length > 0 && working.length === 0) progress.step(`removing ${kindsOf(group)}`);
    for (const object of working) if (kindOf(object) !== "Job") progress.object(titleOf(object), "stopping");
    for (const object of group) await removeHeld(taking, object);
    await podsEnded(taking, rank);
    for (const object of working) progress.object(titleOf(object), "removed");
  }
  if (!data) {
    await writeInventory(access, {
      release: name,
      labels: ownLabels(taking),
      entries: [],
    });
    return;
  }
  for (const object of standing.data) {
    progress.step(`removing ${titleOf(object)}`);
    await removeHeld(taking, object);
  }
  await removeRevisions(access, { release: name, numbers: standing.revisions });
  // Last: whoever is interrupted before finds everything once more.
  await access.remove(inventoryOf(name));
}

/** Only while nobody else can be at it. */
async function removeHeld(taking: UnderLease, object: JsonObject): Promise<void> {
  taking.signal.throwIfAborted();
  taking.lease.check();
  await removeObject(taking, object);
}

const lookMs = 300;
const patienceMs = 30_000;

/** Pods have ended, also those of a time that was interrupted: what they need may go then. */
async function podsEnded(taking: TakingDown, rank: number): Promise<void> {
  const { access, pace, signal, endMs } = taking;
  const labelSelector = podsOf(taking);
  const told = new Set<string>();
  const beganMs = pace.nowMs();
  for (let longestMs = endMs ?? 0; ; ) {
    const found = await access.list({ apiVersion: "v1", kind: "Pod" }, { labelSelector });
    const pods = found.filter((pod) => rankOfPod(pod) === rank);
    const [first] = pods;
    if (first === undefined) return;
    for (const pod of pods) {
      if (endMs === undefined)
        longestMs = Math.max(longestMs, numberAt(pod, "spec", "terminationGracePeriodSeconds") * 1_000);
      else if (!told.has(textAt(pod, "metadata", "uid"))) await endWithin(access, pod, endMs);
      told.add(textAt(pod, "metadata", "uid"));
    }
    if (pace.nowMs() - beganMs > longestMs + patienceMs) throw stuck(first, access.namespace);
    await pace.wait(lookMs, signal);
  }
}

/** A pod says nothing of who manages it: its template is a workload's. */
function podsOf({ name, project, target }: OfRelease): string {
  const { instance, project: ofProject, target: ofTarget } = kubernetesLabels;
  return `${instance}=${name},${ofProject}=${project},${ofTarget}=${target}`;
}

/** Sooner than it was made to: at least a second, for none at all would leave it unknown whether it ended. */
async function endWithin(access: Access, pod: JsonObject, endMs: number): Promise<void> {
  const [namespace, name] = [access.namespace, nameOf(pod)].map(encodeURIComponent);
  await access.cluster
    .send(`ending ${titleOf(pod)}`, {
      method: "DELETE",
      path: `/api/v1/namespaces/${namespace}/pods/${name}`,
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        gracePeriodSeconds: Math.max(1, Math.ceil(endMs / 1_000)),
        preconditions: { uid: textAt(pod, "metadata", "uid") },
      },
    })
    .catch((error: unknown) => {
      if (!AgentFlowError.is(error) || (error.code !== "not_found" && error.code !== "conflict")) throw error;
    });
}

function stuck(pod: JsonObject, namespace: string): AgentFlowError {
  const node = textAt(pod, "spec", "nodeName");
  const where = node === "" ? "" : ` on node ${node}`;
  return new AgentFlowError("timeout", `${titleOf(pod)}${where} does not end`, {
    reason: "removal_stuck",
    details: { pod: nameOf(pod), node },
    suggestions: [
      ...(node === "" ? [] : [`whether its node answers: kubectl get node ${node}`]),
      `what holds it: kubectl -n ${namespace} describe pod ${nameOf(pod)}`,
      "then go on with the same command",
    ],
  });
}

/** In the order in which they are met, each once. */
function kindsOf(objects: readonly JsonObject[]): string {
  return [...new Set(objects.map(kindOf))].join(", ");
}

async function neededRights(taking: TakingDown, standing: Standing): Promise<readonly Right[]> {
  const { access, data, endMs } = taking;
  const going = [...standing.objects, ...(data ? standing.data : [])].map(identityOf);
  const carried = await Promise.all(going.map(async (one) => rightsTo(access, one, ["get", "delete"])));
  return [
    ...carried.flat(),
    { verbs: ["list"], resource: "pods" },
    leaseRight(["get", "create", "update"]),
    ...(data
      ? [
          { verbs: ["delete"], resource: "secrets" },
          { verbs: ["list"], resource: "persistentvolumeclaims" },
          { verbs: ["delete"], resource: "configmaps" },
          leaseRight(["delete"]),
        ]
      : [{ verbs: ["patch"], resource: "configmaps" }]),
    ...(endMs === undefined ? [] : [{ verbs: ["delete"], resource: "pods" }]),
  ];
}

function leaseRight(verbs: readonly string[]): Right {
  return { verbs, resource: "leases", group: "coordination.k8s.io" };
}

function inventoryOf(release: string): ObjectName {
  return { apiVersion: "v1", kind: "ConfigMap", name: releaseNames.inventory(release) };
}
