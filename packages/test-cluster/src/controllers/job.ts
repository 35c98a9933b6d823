/** Jobs: pods until enough have succeeded, or too many have failed. */
import type { ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { controllerOf, ownedBy, ownerReference } from "../world/names.ts";
import { type Condition, type Job, type JobStatus, type Pod, parseObject } from "../world/parse-kinds.ts";
import { conditionOf, hasEnded, isActive, isReady, isTerminating } from "../world/pods-state.ts";
import { change, dropFinalizer, get, list, markOf, type World } from "../world/world.ts";
import { concerned } from "./replicaset.ts";

const resource = "jobs.batch";
const tracking = "batch.kubernetes.io/job-tracking";
const firstBackoffSeconds = 10;
const longestBackoffSeconds = 600;

export function jobs(world: World): Controller {
  return {
    name: "job",
    concerns: (event) => concerned(event, resource, "Job"),
    reconcile: (key) => reconcile(world, key),
  };
}

function reconcile(world: World, key: ObjectKey): number | undefined {
  const job = get(world.store, resource, key);
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) {
    releaseAll(world, key);
    return undefined;
  }
  if (finished(job)) return expire(world, job);
  const pods = list(world.store, "pods", key.namespace).filter((pod) => ownedBy(pod.metadata, job));
  const tally = tallyOf(job, pods);
  const verdict = judge(world, job, pods, tally);
  if (verdict !== undefined) {
    end(world, job, pods, verdict);
    return expire(world, job);
  }
  const again = fill(world, job, tally);
  const now = list(world.store, "pods", key.namespace).filter((pod) => ownedBy(pod.metadata, job));
  writeStatus(world, job, now, tallyOf(job, now));
  return again ?? deadlineLeft(world, job);
}

interface Tally {
  readonly active: readonly Pod[];
  readonly succeeded: readonly Pod[];
  readonly failed: readonly Pod[];
}

function tallyOf(job: Job, pods: readonly Pod[]): Tally {
  return {
    active: pods.filter(isActive),
    succeeded: pods.filter((pod) => pod.status?.phase === "Succeeded"),
    failed: pods.filter((pod) => pod.status?.phase === "Failed"),
  };
}

interface Verdict {
  readonly type: "Complete" | "Failed";
  readonly reason: string;
  readonly message: string;
}

function judge(world: World, job: Job, pods: readonly Pod[], tally: Tally): Verdict | undefined {
  if (tally.succeeded.length >= (job.spec.completions ?? job.spec.parallelism ?? 1)) {
    const message = "Reached expected number of succeeded pods";
    return { type: "Complete", reason: "CompletionsReached", message };
  }
  const restarts = pods
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((sum, status) => sum + status.restartCount, 0);
  const limit = job.spec.backoffLimit ?? 6;
  const tooMany = tally.failed.length > limit || (restarts > 0 && restarts >= Math.max(1, limit));
  if (tooMany) {
    const message = "Job has reached the specified backoff limit";
    return { type: "Failed", reason: "BackoffLimitExceeded", message };
  }
  if ((deadlineLeft(world, job) ?? 1) <= 0) {
    const message = "Job was active longer than specified deadline";
    return { type: "Failed", reason: "DeadlineExceeded", message };
  }
  return undefined;
}

function deadlineLeft(world: World, job: Job): number | undefined {
  const { activeDeadlineSeconds } = job.spec;
  if (activeDeadlineSeconds === undefined) return undefined;
  return activeDeadlineSeconds - (world.time.seconds() - markOf(world, `job ${job.metadata.uid}`));
}

/** Makes the pods that are missing. Answers when to look again: after a failure the next one waits. */
function fill(world: World, job: Job, tally: Tally): number | undefined {
  if (job.spec.suspend === true) return undefined;
  const left = (job.spec.completions ?? job.spec.parallelism ?? 1) - tally.succeeded.length;
  const wanted = Math.min(job.spec.parallelism ?? 1, left);
  const wait = backoffLeft(world, job, tally);
  if (wait > 0) return wait;
  for (let missing = wanted - tally.active.length; missing > 0; missing--) {
    if (!createPod(world, job)) return 1;
  }
  return undefined;
}

function backoffLeft(world: World, job: Job, { failed }: Tally): number {
  if (failed.length === 0) return 0;
  const since = markOf(world, `job-failure ${job.metadata.uid} ${failed.length}`);
  const wait = Math.min(firstBackoffSeconds * 2 ** (failed.length - 1), longestBackoffSeconds);
  return wait - (world.time.seconds() - since);
}

function createPod(world: World, job: Job): boolean {
  const { name, namespace = "" } = job.metadata;
  const { template } = job.spec;
  try {
    const made = world.writer.create(
      "pods",
      namespace,
      parseObject({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          generateName: `${name}-`,
          namespace,
          labels: { ...template.metadata?.labels, "job-name": name, "batch.kubernetes.io/job-name": name },
          annotations: template.metadata?.annotations,
          finalizers: [tracking],
          ownerReferences: [ownerReference(job)],
        },
        spec: template.spec,
      }),
    );
    say(world, job, "Normal", "SuccessfulCreate", `Created pod: ${made.metadata.name}`);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(world, job, "Warning", "FailedCreate", `Error creating: ${error.message}`);
    return false;
  }
}

function writeStatus(world: World, job: Job, pods: readonly Pod[], tally: Tally): void {
  if (job.status?.startTime === undefined) markOf(world, `job ${job.metadata.uid}`);
  edit(world, job, (before) => ({
    startTime: before?.startTime ?? world.time.stamp(),
    active: tally.active.length > 0 ? tally.active.length : undefined,
    succeeded: tally.succeeded.length > 0 ? tally.succeeded.length : undefined,
    failed: tally.failed.length > 0 ? tally.failed.length : undefined,
    terminating: pods.filter((pod) => isTerminating(pod) && !hasEnded(pod)).length,
    uncountedTerminatedPods: {},
    ready: tally.active.filter(isReady).length,
    conditions: before?.conditions,
  }));
  for (const pod of [...tally.succeeded, ...tally.failed]) release(world, pod);
}

/** In two steps: first what it will be, then, with the pods counted, that it is. */
function end(world: World, job: Job, pods: readonly Pod[], verdict: Verdict): void {
  const { reason, message, type } = verdict;
  const stamp = world.time.stamp();
  const about = { status: "True", lastProbeTime: stamp, lastTransitionTime: stamp, reason, message };
  const first: Condition = { type: type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget", ...about };
  for (const pod of pods.filter(isActive)) {
    const { name, namespace = "" } = pod.metadata;
    world.writer.remove({ resource: "pods", namespace, name }, {});
  }
  const { succeeded, failed } = tallyOf(job, pods);
  const uids = (of: readonly Pod[]) => of.map((pod) => pod.metadata.uid);
  const common = { startTime: job.status?.startTime ?? stamp, terminating: 0, ready: 0 };
  const known = {
    ...(succeeded.length > 0 && { succeeded: uids(succeeded) }),
    ...(failed.length > 0 && { failed: uids(failed) }),
  };
  edit(world, job, () => ({
    ...common,
    uncountedTerminatedPods: known,
    conditions: [first],
  }));
  releaseAll(world, { resource, namespace: job.metadata.namespace ?? "", name: job.metadata.name });
  edit(world, job, () => ({
    ...common,
    completionTime: type === "Complete" ? world.time.stamp() : undefined,
    succeeded: succeeded.length > 0 ? succeeded.length : undefined,
    failed: failed.length > 0 ? failed.length : undefined,
    uncountedTerminatedPods: {},
    conditions: [first, { type, ...about }],
  }));
  if (type === "Complete") say(world, job, "Normal", "Completed", "Job completed");
  else say(world, job, "Warning", reason, message);
}

function finished(job: Job): boolean {
  return ["Complete", "Failed"].some((type) => conditionOf(job.status?.conditions, type)?.status === "True");
}

function expire(world: World, job: Job): number | undefined {
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return undefined;
  const left = ttl - (world.time.seconds() - markOf(world, `finished ${job.metadata.uid}`));
  if (left > 0) return left;
  const { name, namespace = "" } = job.metadata;
  world.writer.remove({ resource, namespace, name }, { propagation: "Foreground" });
  return undefined;
}

function edit(world: World, job: Job, of: (before: JobStatus | undefined) => JobStatus): void {
  const { name, namespace = "" } = job.metadata;
  change(world.store, { resource, namespace, name }, (draft) => {
    draft.status = of(draft.status);
  });
}

function releaseAll(world: World, key: ObjectKey): void {
  for (const pod of list(world.store, "pods", key.namespace)) {
    const owner = controllerOf(pod.metadata);
    if (owner?.kind === "Job" && owner.name === key.name) release(world, pod);
  }
}

function release(world: World, pod: Pod): void {
  const { name, namespace = "" } = pod.metadata;
  dropFinalizer(world.store, { resource: "pods", namespace, name }, tracking);
}

function say(world: World, job: Job, type: "Normal" | "Warning", reason: string, message: string): void {
  world.events.record({ about: job, type, reason, message, component: "job-controller" });
}
